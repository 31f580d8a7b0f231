"""Facts about a proposed change, taken from git.

| file | what it knows |
|---|---|
| `git` | the `change` of the decision point `change.proposed` |
| `paths` | which files of a change bear on a rule: the `paths` clause |
| `repository` | running git so that nothing of the repository is executed |
| `diff`, `symlinks`, `attributes`, `codeowners`, `languages` | one fact each |
| `trees` | files of a commit, read without a checkout |
| `globs`, `gitignore` | the pattern languages |
"""
