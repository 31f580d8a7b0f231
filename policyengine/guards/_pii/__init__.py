"""The parts of the guard `pii`.

A text becomes a `view`: the text, made plain, and its shape, in which every digit is `9`, every
capital `A` and every small letter `a`. Each kind of thing is an `entity`, a row of a table, one
file for each family (`table` lists the files). Entities that have a fixed shape are found by
`runs`, which looks at each run of digits once for all of them; the others bring a scan of their
own, which starts from something rare (`@`, `://`, `::`) and looks a bounded number of characters
around it. So the cost is linear in the length of a text, whatever stands in it.
"""
