"""From checked expressions to Python syntax trees.

Two forms of every expression are made. The fast form is optimistic: Python's own operators,
inlined, with a guard where a value's class is only declared. Whenever it gives a value, that is
CEL's value; whenever it can't be sure, it raises. The reference form calls total functions of
`policyengine.values`, absorbs errors as CEL does, and is run when the fast form has raised.
"""
