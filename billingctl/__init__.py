"""billingctl: what whoever is on call types.

app, verbs/        the commands, a file a noun; each asks the rooms of `aerostack_billing` and holds no rule of its own
targets            which stack: the local one that runs, or one on AWS
console            what is printed: JSON on stdout for scripts, lines for people, everything else on stderr
acts               what changes something: shown first, confirmed, recorded before and after
"""
