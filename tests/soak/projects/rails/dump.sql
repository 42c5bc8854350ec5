-- What Rails had made before its second migration, as pg_dump writes it.
CREATE TABLE public.ar_internal_metadata (
    key character varying NOT NULL PRIMARY KEY,
    value character varying,
    created_at timestamp(6) without time zone NOT NULL,
    updated_at timestamp(6) without time zone NOT NULL
);
CREATE TABLE public.schema_migrations (version character varying NOT NULL PRIMARY KEY);
CREATE TABLE public.notes (id bigserial PRIMARY KEY, text text);
INSERT INTO public.ar_internal_metadata VALUES ('environment', 'production', now(), now());
INSERT INTO public.schema_migrations VALUES ('1');
INSERT INTO public.notes (text) VALUES ('from-the-dump');
