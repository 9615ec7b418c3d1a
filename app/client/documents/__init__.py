"""What the API answers, as frozen values: one file a resource.

Words that the API may add to (states, kinds, reasons) are plain texts, and members that are not known here are in
`raw`: an older client reads what a newer service answers.
"""
