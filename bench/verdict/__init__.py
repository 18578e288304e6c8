"""Measures the verdict, person or machine, on simulated recipients of whom the truth is known: `make verdict`.

headers.py     what browsers, mail clients, image proxies and programs send
people.py      how people read and click
scanners.py    how security scanners fetch, by kind
campaigns.py   audiences: who receives a mail, and what happens to it
product.py     the product's own code: from a request to a delivery and its statistics
figures.py     precision, recall and their intervals
__main__.py    the tables of docs/VERDICT.md
"""
