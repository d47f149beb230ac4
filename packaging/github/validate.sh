#!/bin/sh
# Runs bundle-validate for action.yml, which says what the variables mean.
set -eu

# A line is a word, whatever is in it.
set -f
IFS='
'
# shellcheck disable=SC2086
set -- ${ARGUMENTS-} -- ${BUNDLE_PATHS:-.}

exec "${BUNDLE_VALIDATE:-bundle-validate}" --format github --recursive --fail-on "${FAIL_ON:-error}" "$@"
