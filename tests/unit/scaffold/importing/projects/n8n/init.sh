#!/bin/sh
psql -c "create user flows"
