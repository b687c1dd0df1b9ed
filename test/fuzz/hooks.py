"""Leaves out the one kind of case in which Schemathesis expects what HTTP forbids."""

import schemathesis


@schemathesis.hook
def filter_case(context, case):
    # A server must ignore headers that it does not know (RFC 9110, 5.1). Schemathesis sends one as invalid input.
    return not any(name.lower() == "x-schemathesis-unknown-property" for name in case.headers or {})
