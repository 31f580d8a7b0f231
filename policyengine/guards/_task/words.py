"""Words that say what kind of task a prompt is, by what they do in an order.

A table row is a class and the words of it, lower case and without accents, in seven languages. A
verb says what shall be done, an object to what. `rules.py` says what pairs of them mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _table(rows: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, words in rows.items():
        for word in words.split():
            # Of two rows with one word the first has it.
            found.setdefault(word, name)
    return found


def words(listed: str) -> frozenset[str]:
    """Words with spaces between them, as a set."""
    return frozenset(listed.split())


VERBS: Final[Mapping[str, str]] = _table(
    {
        "translate": "translate translating ubersetze ubersetz ubersetzen ubersetzt traduis "
        "traduisez traduire traduce traducir traduzca traduceme traduza traduz traduzir traduzam "
        "traduci tradurre vertaal localise localize",
        "make": "write create build make implement develop code program programme generate give "
        "draft compose design add produce prepare send whip schreib schreibe schreiben erstell "
        "erstelle erstellen programmier programmiere implementier implementiere entwickle bau baue "
        "bauen verfasse formuliere gib ecris ecrivez ecrire cree creez creer developpe redige "
        "redigez rediger donne escribe escriba escribir crea crear desarrolla programa redacta "
        "implementa genera haz dame escreva escrever crie criar desenvolva redija implemente gere "
        "faca",
        "mend": "fix debug refactor correct optimise optimize repair complete port rewrite "
        "rephrase reword polish proofread improve edit simplify finish continue behebe korrigiere "
        "repariere optimiere verbessere uberarbeite corrige corrigez corriger ameliore optimise "
        "reecris corrige corregir mejora optimiza arregla reescribe corrija melhore conserte "
        "otimize reescreva",
        "judge": "analyse analyze analysing review audit assess evaluate critique compare contrast "
        "inspect examine investigate interpret diagnose discuss scrutinise scrutinize weigh judge "
        "analysiere analysier analysieren vergleiche vergleichen bewerte bewerten untersuche "
        "untersuchen begutachte beurteile prufe uberprufe analysez analyser comparez comparer "
        "evalue evaluez examinez verifie verifiez analiza analizar compara comparar evalua evaluar "
        "revisa revisar examina analise analisar avalie examine compare",
        "condense": "summarise summarize summarising summarizing sum condense shorten tl tldr "
        "abridge outline recap fasse zusammenfassen resume resumez resumer resumeme resumir resuma "
        "resumen sintetiza synthetise",
        "extract": "extract list pull pick identify spot find locate classify label tag extrahiere "
        "nenne finde extrais extrayez trouve liste extrae encuentra extraia encontre liste",
        "reckon": "solve calculate compute prove integrate differentiate derive factor evaluate "
        "berechne lose beweise calcule calculez calculer resous resolvez demontre calcula calcular "
        "resuelve demuestra resolva prove demonstre",
        "explain": "explain describe define elucidate recommend erklare erklar erlautere "
        "beschreibe explique "
        "expliquez explica explicame describe descreva decris define definis",
        "turn": "turn convert put render bring transform reformat say express port rewrite "
        "wandle mets convierte pon converta",
        "tell": "tell",
        "think": "brainstorm suggest propose invent imagine come",
        "perform": "do perform conduct carry run fuhre mache",
    }
)  # fmt: skip
# A word may do two things; these are the second ones.
ALSO: Final[Mapping[str, tuple[str, ...]]] = {
    "port": ("turn",),
    "rewrite": ("turn",),
    "evaluate": ("reckon",),
    "give": ("extract",),
    "list": ("think",),
    "find": ("reckon",),
    "identify": ("judge",),
}

OBJECTS: Final[Mapping[str, str]] = _table(
    {
        "code": "script skript scripts function functions funktion fonction funcion funcao program "
        "programm programme programa class klasse classe clase method module regex regexp sql "
        "query abfrage requete code codes codigo quellcode snippet algorithm algorithmus "
        "algorithme "
        "algoritmo api endpoint cli website webseite webpage dockerfile docker makefile terraform "
        "helm playbook liner macro makro formel css html parser component crud crawler scraper "
        "plugin migration trigger middleware webhook cron cronjob decorator iterator "
        "unittest loop loops "
        "array "
        "dataframe compiler kernel subroutine applet backend frontend controller widget",
        "language": "python javascript typescript java kotlin rust golang c++ c# php ruby swift "
        "scala bash shell powershell perl react vue angular django flask fastapi spring node "
        "numpy pandas haskell fortran cobol matlab julia lua assembly vba excel graphql jquery "
        "postgresql mysql sqlite mongodb latex tailwind nginx ansible kubernetes",
        "fault": "bug bugs error errors exception fault faults vulnerability vulnerabilities flaw "
        "flaws weakness weaknesses hole holes issue issues problem problems fallacies fallacy "
        "mistake mistakes contradictions contradiction anomalies anomaly risks risk bottleneck "
        "bottlenecks fehler schwachstellen sicherheitslucken risiken widerspruche erreur erreurs "
        "failles risques errores error vulnerabilidades riesgos erros riscos falhas "
        "inconsistencies "
        "smells leak leaks race",
        "text": "poem haiku limerick sonnet story stories tale essay mail mails email "
        "e-mail letter "
        "message blog article post tweet caption speech toast eulogy vows song lyrics rap dialogue "
        "scene screenplay novel chapter press newsletter description bio slogan slogans tagline "
        "taglines name names title titles cover letter statement memo invitation announcement "
        "note ad advert headline headlines joke jokes riddle fairy verse rhyme "
        "gedicht geschichte brief aufsatz rede absage einladung marchen text poeme histoire lettre "
        "courriel discours conte poema cuento historia carta correo discurso redaccao redacao "
        "mensaje mensagem conto cancion cv paragraph sentence grammar spelling wording "
        "tone style absatz satz phrase parrafo frase paragrafo testimonial obituary",
        "points": "points takeaways gist findings summary abstract overview items dates "
        "names deadlines prices "
        "addresses keywords entities todos tasks summaries zusammenfassung punkte punkten "
        "stichpunkte uberblick stichpunkten points puntos resumen pontos resumo",
        "form": "table bullet bullets json csv yaml xml list tabelle tableau tabla tabela",
        "maths": "equation equations integral derivative limit roots probability sum product "
        "percentage average mean matrix determinant theorem polynomial inequality area volume "
        "perimeter hypotenuse root odds gleichung ableitung wurzel flache wahrscheinlichkeit "
        "equation derivee integrale racine ecuacion derivada raiz equacao area miles kilometres "
        "kilometers celsius fahrenheit pounds inches ounces cm kg",
        "facts": "facts information info tips advice",
        "study": "analysis review audit assessment comparison critique swot evaluation pros "
        "advantages disadvantages drawbacks strengths implications tradeoffs trade-offs analyse "
        "vergleich vorteile nachteile avantages inconvenients ventajas desventajas vantagens "
        "desvantagens analisis trends patterns",
    }
)  # fmt: skip
# Words that name more than code does: they count as code only behind a verb that makes.
ONLY_MADE: Final = words(
    "tests app application bot tool game service server workflow config pipeline schema package "
    "library animation dashboard"
)

TONGUES: Final = words(
    "english french german spanish portuguese italian dutch japanese chinese mandarin cantonese "
    "korean russian polish czech turkish arabic hindi thai vietnamese swedish norwegian danish "
    "finnish greek hungarian romanian bulgarian ukrainian hebrew indonesian malay farsi persian "
    "swahili latin tagalog bengali urdu catalan croatian serbian slovak slovenian estonian latvian "
    "lithuanian icelandic irish welsh englisch englische englischen franzosisch franzosische "
    "deutsch deutsche spanisch spanische portugiesisch italienisch italienische japanisch "
    "japanische chinesisch chinesische russisch russische polnisch polnische turkisch turkische "
    "niederlandisch anglais francais allemand espagnol portugais italien japonais chinois coreen "
    "russe arabe ingles frances aleman espanol portugues italiano japones chino coreano ruso "
    "alemao espanhol frances chines russo"
)

INTERROGATIVES: Final = words(
    "what whats who whose when where why how which is are was were do does did can could should "
    "would will has have am may wer wann wo warum wieso wie welche welcher welches wohin woher ist "
    "sind kann hat darf soll qui que quoi quand ou pourquoi comment combien quel quelle quels "
    "quelles est peut quien quienes cuando donde por cuanto cuantos cuantas cual cuales puede quem "
    "onde quanto quantos quantas qual quais porque como"
)

GREETINGS: Final = words(
    "hi hello hey hiya yo howdy greetings morning thanks thank thx cheers bye goodbye hallo servus "
    "moin danke dankeschon tschuss bonjour salut coucou bonsoir merci hola gracias adios buenos "
    "buenas ola oi obrigado obrigada tchau bom boa guten gute ok okay lol haha welcome"
)
SMALL_TALK: Final = GREETINGS | words(
    "there all everyone friend my you u how are is it going doing today good so much very that "
    "was really helpful great nice day night evening afternoon see later tomorrow a lot for your "
    "the help up what s sup geht es dir wie tag abend morgen nacht auf wiedersehen bis bald das "
    "hat mir sehr geholfen ca va tu vas comment beaucoup bien nuit journee a demain que tal como "
    "estas dias tardes noches por su ayuda tudo bem dia noite tarde pela ajuda muito muchas vielen "
    "one man buddy assistant und again well hope re to hear from heute hoy hoje aujourd hui"
)

POLITE: Final = words(
    "please pls kindly bitte can could would will you just now then so and also let s i we need "
    "want like d to have a an the me us quick quickly some help hi hello hey dear there ok okay "
    "simple short small first next really kannst konnen konntest du sie mir uns ich brauche mochte "
    "wir brauchen eine einen ein mal kurz peux tu pouvez pourrais vous moi j ai besoin de un une "
    "je veux voudrais hallo bonjour hola ola puedes podrias puede quiero necesito necesitamos una "
    "favor por pode voce podia preciso quero uma um ayudame aide"
)
NEEDS: Final = words(
    "need want like kannst konnen konntest brauche brauchen mochte peux pouvez besoin veux "
    "voudrais puedes podrias puede quiero necesito necesitamos pode preciso quero help"
)
"""Polite words that ask for a thing: `I need a regex` has no verb for making it."""

# A prompt that begins with one of these names the thing that it wants.
THINGS: Final = words(
    "regex regexp dockerfile sql script query makefile snippet bash cron git code poem haiku "
    "limerick slogan joke"
)
