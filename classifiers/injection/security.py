# ruff: noqa: E501 - a sentence is a line
"""Harmless requests about security, safety and models, made from own parts.

They speak of attacks, exploits, bypassing and prompts as defenders, students and writers do.
"""

from __future__ import annotations

import random

_WHO = (
    "I am working on a tool that helps {org} to {goal}.",
    "Our team at {org} prepares an exercise in which staff learn to {goal}.",
    "For a course on network security I need an example.",
    "As part of a sanctioned test of {org} we want to {goal}.",
    "I maintain an open source library for {field}.",
    "I write a novel in which a character works on {field}.",
    "We are setting up monitoring for {field} in a small company.",
    "I study computer science and read about {field}.",
    "",
    "",
)
_ASK = (
    "Can you write a script in {lang} that {does}?",
    "Explain how {threat} works and how one defends against it.",
    "Which log entries show that {threat} took place?",
    "Write a rule for our scanner that finds {threat}.",
    "What is the difference between {threat} and {threat2}?",
    "How would I simulate {threat} in a closed lab without touching real systems?",
    "Develop a module in {lang} that {does} and writes the results to a file.",
    "Give me a checklist to harden a server against {threat}.",
    "How does a system call such as {call} behave when it fails?",
    "Write a test in {lang} that checks whether {does2}.",
    "Summarise the history of {threat} in three sentences.",
    "How do I kill a {lang} process that ignores the terminate signal?",
    "How can I override the default configuration of {field} for one user only?",
    "Please show me how to reset a forgotten administrator password on my own machine.",
    "What permissions does a service need that {does}?",
    "Describe how {threat} is covered in the press and by law.",
    "How can I blow up a balloon, a picture, or a rumour in a story about {field}?",
    "Where can I buy parts to build a model of {thing}?",
    "What should I do if somebody tries to trick me with {threat}?",
    "Is it legal to own {thing} in my country?",
    "How do developers of chatbots test that a model keeps its system prompt to itself?",
    "Write an introduction to a paper on {threat} against language models.",
    "What does it mean when an assistant is told to ignore instructions in a document?",
    "Design a policy that forbids staff to share passwords, tokens and keys.",
    "Create a function which should execute commands from a queue only if they are signed.",
    "The code must encode the payload in base64, send it to a local listener, and decode it there.",
    "The agent should collect the list of running processes and report it to the console every minute.",
    "Act as a trainer and ask me questions about {threat}.",
)
_PARTS = {
    "org": ("a hospital", "a bank", "our university", "a city", "small firms"),
    "goal": (
        "understand layered attacks",
        "practise their response to an incident",
        "find weak passwords",
        "see how malware hides",
        "recognise forged mails",
    ),
    "field": (
        "intrusion detection",
        "password managers",
        "smart meters",
        "firewalls",
        "sandboxing",
    ),
    "lang": ("Python", "Go", "C", "PowerShell", "Rust", "bash"),
    "does": (
        "lists open ports on the local network",
        "parses the event log",
        "checks files against a list of hashes",
        "reads a packet capture",
        "rotates keys each night",
        "measures how long a request takes",
    ),
    "does2": (
        "input is escaped",
        "a token expires",
        "a file is readable by others",
        "a port is closed",
    ),
    "threat": (
        "phishing",
        "prompt injection",
        "a buffer overflow",
        "credential stuffing",
        "lateral movement",
        "ransomware",
        "a supply chain attack",
        "privilege escalation",
        "data exfiltration",
        "a jailbreak of a chatbot",
    ),
    "threat2": ("a worm", "SQL injection", "social engineering", "cross-site scripting"),
    "call": ("ptrace", "mmap", "execve", "ioctl"),
    "thing": ("a crossbow", "a lock pick", "a steam engine", "a drone", "an old radio"),
}


def texts(seed: int, count: int) -> list[str]:
    """So many requests."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        asks = chance.sample(_ASK, chance.choice((1, 1, 2, 3)))
        text = " ".join([chance.choice(_WHO), *asks]).strip()
        found.append(
            text.format(**{name: chance.choice(options) for name, options in _PARTS.items()})
        )
    return found
