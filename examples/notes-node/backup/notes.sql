--
-- PostgreSQL database dump
--

\restrict aBfQr9raIEnsb66k4UTTrTp9DoR8KAGorR8D2fd6GAaumtYIf7GPKd9MtFBsilD

-- Dumped from database version 17.12 (Debian 17.12-0+deb13u1)
-- Dumped by pg_dump version 17.12 (Debian 17.12-0+deb13u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: knex_migrations; Type: TABLE; Schema: public; Owner: notes
--

CREATE TABLE public.knex_migrations (
    id integer NOT NULL,
    name character varying(255),
    batch integer,
    migration_time timestamp with time zone
);


ALTER TABLE public.knex_migrations OWNER TO notes;

--
-- Name: knex_migrations_id_seq; Type: SEQUENCE; Schema: public; Owner: notes
--

CREATE SEQUENCE public.knex_migrations_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER SEQUENCE public.knex_migrations_id_seq OWNER TO notes;

--
-- Name: knex_migrations_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: notes
--

ALTER SEQUENCE public.knex_migrations_id_seq OWNED BY public.knex_migrations.id;


--
-- Name: knex_migrations_lock; Type: TABLE; Schema: public; Owner: notes
--

CREATE TABLE public.knex_migrations_lock (
    index integer NOT NULL,
    is_locked integer
);


ALTER TABLE public.knex_migrations_lock OWNER TO notes;

--
-- Name: knex_migrations_lock_index_seq; Type: SEQUENCE; Schema: public; Owner: notes
--

CREATE SEQUENCE public.knex_migrations_lock_index_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER SEQUENCE public.knex_migrations_lock_index_seq OWNER TO notes;

--
-- Name: knex_migrations_lock_index_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: notes
--

ALTER SEQUENCE public.knex_migrations_lock_index_seq OWNED BY public.knex_migrations_lock.index;


--
-- Name: notes; Type: TABLE; Schema: public; Owner: notes
--

CREATE TABLE public.notes (
    id integer NOT NULL,
    author uuid NOT NULL,
    text text NOT NULL,
    created_at timestamp with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    words integer,
    attachment jsonb
);


ALTER TABLE public.notes OWNER TO notes;

--
-- Name: notes_id_seq; Type: SEQUENCE; Schema: public; Owner: notes
--

CREATE SEQUENCE public.notes_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER SEQUENCE public.notes_id_seq OWNER TO notes;

--
-- Name: notes_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: notes
--

ALTER SEQUENCE public.notes_id_seq OWNED BY public.notes.id;


--
-- Name: reports; Type: TABLE; Schema: public; Owner: notes
--

CREATE TABLE public.reports (
    day date NOT NULL,
    notes integer NOT NULL,
    words integer NOT NULL
);


ALTER TABLE public.reports OWNER TO notes;

--
-- Name: knex_migrations id; Type: DEFAULT; Schema: public; Owner: notes
--

ALTER TABLE ONLY public.knex_migrations ALTER COLUMN id SET DEFAULT nextval('public.knex_migrations_id_seq'::regclass);


--
-- Name: knex_migrations_lock index; Type: DEFAULT; Schema: public; Owner: notes
--

ALTER TABLE ONLY public.knex_migrations_lock ALTER COLUMN index SET DEFAULT nextval('public.knex_migrations_lock_index_seq'::regclass);


--
-- Name: notes id; Type: DEFAULT; Schema: public; Owner: notes
--

ALTER TABLE ONLY public.notes ALTER COLUMN id SET DEFAULT nextval('public.notes_id_seq'::regclass);


--
-- Data for Name: knex_migrations; Type: TABLE DATA; Schema: public; Owner: notes
--

COPY public.knex_migrations (id, name, batch, migration_time) FROM stdin;
1	20250110090000_notes.js	1	2026-11-30 10:52:18.232+00
2	20250301120000_words_and_attachments.js	1	2026-11-30 10:52:18.235+00
3	20250615080000_reports.js	1	2026-11-30 10:52:18.236+00
\.


--
-- Data for Name: knex_migrations_lock; Type: TABLE DATA; Schema: public; Owner: notes
--

COPY public.knex_migrations_lock (index, is_locked) FROM stdin;
1	0
\.


--
-- Data for Name: notes; Type: TABLE DATA; Schema: public; Owner: notes
--

COPY public.notes (id, author, text, created_at, words, attachment) FROM stdin;
1	3aeefe9d-8b83-4951-a7a5-a65ad796a574	Water the plants on Friday	2026-11-30 10:52:23.596283+00	5	\N
2	6cfa8c8b-48c7-4ca0-8c77-9655a8507793	Ask Grace about the harbour	2026-11-30 10:52:23.608591+00	5	\N
3	c63fb57d-afeb-4b3b-9c22-5b5a149d5a2e	Bread, milk, and the blue paint	2026-11-30 10:52:23.631553+00	6	\N
\.


--
-- Data for Name: reports; Type: TABLE DATA; Schema: public; Owner: notes
--

COPY public.reports (day, notes, words) FROM stdin;
2026-11-30	3	16
\.


--
-- Name: knex_migrations_id_seq; Type: SEQUENCE SET; Schema: public; Owner: notes
--

SELECT pg_catalog.setval('public.knex_migrations_id_seq', 3, true);


--
-- Name: knex_migrations_lock_index_seq; Type: SEQUENCE SET; Schema: public; Owner: notes
--

SELECT pg_catalog.setval('public.knex_migrations_lock_index_seq', 1, true);


--
-- Name: notes_id_seq; Type: SEQUENCE SET; Schema: public; Owner: notes
--

SELECT pg_catalog.setval('public.notes_id_seq', 3, true);


--
-- Name: knex_migrations_lock knex_migrations_lock_pkey; Type: CONSTRAINT; Schema: public; Owner: notes
--

ALTER TABLE ONLY public.knex_migrations_lock
    ADD CONSTRAINT knex_migrations_lock_pkey PRIMARY KEY (index);


--
-- Name: knex_migrations knex_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: notes
--

ALTER TABLE ONLY public.knex_migrations
    ADD CONSTRAINT knex_migrations_pkey PRIMARY KEY (id);


--
-- Name: notes notes_pkey; Type: CONSTRAINT; Schema: public; Owner: notes
--

ALTER TABLE ONLY public.notes
    ADD CONSTRAINT notes_pkey PRIMARY KEY (id);


--
-- Name: reports reports_pkey; Type: CONSTRAINT; Schema: public; Owner: notes
--

ALTER TABLE ONLY public.reports
    ADD CONSTRAINT reports_pkey PRIMARY KEY (day);


--
-- PostgreSQL database dump complete
--

\unrestrict aBfQr9raIEnsb66k4UTTrTp9DoR8KAGorR8D2fd6GAaumtYIf7GPKd9MtFBsilD

