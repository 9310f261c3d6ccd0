"""GACS scripts (pure): the model of a document, its checks, its expressions. docs/gacs.md is for who writes scripts.

`run` interprets scripts, `rehearsal` tests them on a virtual clock, `saying` has values in words, `picture` draws them.
Calls meet them through engine/runtime/flows. What that builds on:

    load(text, syntax) -> Loaded(documents, problems)          document.py; never raises, whatever the text is
    check(documents, site) -> one tuple of Problem per document  gate.py; checks 2 to 12 (1 is `Loaded.problems`)
    check_text(text, syntax, site) -> tuple[Problem, ...]      gate.py; both, in the order of lines; () means sound

    publications(loaded, site) -> versions, raises Unsound     publication.py; canonical form and content hash
    chosen(shares, call, seed) -> hash of a version            split.py; which version a call runs; with_share(...)
    difference(before, after) -> changes by node               difference.py; of two canonical forms

    Flow, Param, Variable, Result, Limits, Policies            model.py: frozen dataclasses
    Node.action: one of the classes of VERBS (word -> class)   nodes/: WORD MAIN OUTCOMES ERRORS RESUME NEEDS_CALLER
                                                               ENDS OUTSIDE, outcomes(), routes(), assigns(outcome)
    target(flow, node, outcome) -> (node, Scope) | None        outcomes.py; a menu's key, `case.1`, `default`, `again`,
                                                               `branch.1`, `callback` are the outcomes of routes
    handler(handlers, outcome), EVENTS, ANY_ERROR              outcomes.py
    sounds(said), in_locale(prompt, locale), PromptByTry.at(n) prompt.py, nodes/entry.py
    Template.parts: str | Slot(expression, formatter)          template.py

    evaluate(expression, scope) -> Value, raises Fault         evaluation.py; scope: variables, params and `call`
    value_of(spec, raw) -> Value, raises WrongValue            values.py: from JSON (params, webhook answers, init)
    fitted(spec, value) -> Value, raises WrongValue            values.py: from an expression into a variable
    raw_of(value) -> JSON                                      values.py: the inverse of value_of
    CALL: the TypeSpec of the record `call`                    inferred.py

What the checks count on, and a runner must keep to:

- a handler of a script (`Flow.on`) for `error.*`, `hangup` or `max_...` is taken once in a run at most, then the
  built-in ending follows; an error that a subflow does not handle is looked up at the `call` node, then at its script;
- a loop's count begins anew after `done`; the visits of a node with `max_visits` are counted for the whole run (of the
  subflow: of this call of it), and one that is refused is no visit;
- a disposition after the first changes nothing;
- `limits.max_duration_s` does not count people talking to each other (`talk_max_s` bounds that);
- after people have talked (`agent` of a queue; `done` of dial, transfer, conference) the outcome is that one whether
  the caller is there still or not; a node that speaks or listens answers a call that was not answered;
- a node that NEEDS_CALLER, reached when the caller is gone, ends with `hangup`.
"""
