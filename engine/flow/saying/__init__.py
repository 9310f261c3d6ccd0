"""Values in words: numbers, money, dates, times, digits as people say them in Russian and English (pure).

`said(value, formatter, locale)` in words.py is the whole interface; russian.py and english.py are the grammars. They
are our own because pure packages know no vendor, and because what telephony needs is little: one case, three genders,
and the forms of a noun after a number.
"""
