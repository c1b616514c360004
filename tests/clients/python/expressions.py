"""Random queries of two tables, each in our dialect and in DuckDB's.

Every expression has a type, so that no query depends on what the dialects do with mixed types, and is built so that
it raises no error: divisors are never zero, sums stay far from the limits of 64 bits. Where the meaning of an
operator differs (docs/testing.md lists them), DuckDB gets the text that means what ours does.
"""

import datetime

INT, FLOAT, BOOL, TEXT, DATE = "int", "float", "bool", "string", "date"
TYPES = (INT, FLOAT, BOOL, TEXT, DATE)

# Columns of both tables beside `n`, which numbers the rows.
COLUMNS = {
    "i": INT,
    "j": INT,
    "x": FLOAT,
    "y": FLOAT,
    "p": BOOL,
    "q": BOOL,
    "s": TEXT,
    "v": TEXT,
    "d": DATE,
    "e": DATE,
}
DUCKDB_TYPES = {INT: "BIGINT", FLOAT: "DOUBLE", BOOL: "BOOLEAN", TEXT: "VARCHAR", DATE: "DATE"}
TEXTS = ("", "a", "b", "ab", "Ab", "aab", "b a", "%", "_a", "12", "-7", "ä", "Ünï", "日本")
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")


def rows(random, count):
    """Rows of `COLUMNS`, about a fifth of the values null."""
    values = {
        INT: lambda: random.randint(-9, 9),
        FLOAT: lambda: random.randint(-20, 20) / 4,
        BOOL: lambda: random.random() < 0.5,
        TEXT: lambda: random.choice(TEXTS),
        DATE: lambda: datetime.date(2023, 11, 28) + datetime.timedelta(random.randint(0, 130)),
    }
    return [
        {"n": n, **{name: None if random.random() < 0.2 else values[kind]() for name, kind in COLUMNS.items()}}
        for n in range(count)
    ]


class Expressions:
    """Random expressions over the columns of `relations`. Each is a pair of texts: ours and DuckDB's."""

    def __init__(self, random, relations):
        self.random = random
        self.relations = relations

    def of(self, kind, depth):
        """An expression of a type."""
        if depth <= 0 or self.random.random() < 0.15:
            return self.leaf(kind)
        make = self.random.choice(self.OF_ANY_TYPE + 3 * self.OF_TYPE[kind])
        return make(self, kind, depth - 1)

    def leaf(self, kind):
        if self.random.random() < 0.75:
            name = self.random.choice([name for name, its in COLUMNS.items() if its == kind])
            column = f"{self.random.choice(self.relations)}.{name}"
            return column, column
        return self.literal(kind)

    def literal(self, kind):
        random = self.random
        if random.random() < 0.08:
            return f"CAST(NULL AS {kind})", f"CAST(NULL AS {DUCKDB_TYPES[kind]})"
        if kind == INT:
            value = str(random.randint(0, 9))
            return value, f"{value}::BIGINT"
        if kind == FLOAT:
            value = f"{random.randint(0, 20) / 4}"
            return value, f"{value}::DOUBLE"
        if kind == BOOL:
            value = random.choice(("TRUE", "FALSE"))
        elif kind == TEXT:
            value = f"'{random.choice(TEXTS)}'"
        else:
            value = f"DATE '2024-0{random.randint(1, 3)}-{random.randint(10, 29)}'"
        return value, value

    def both(self, template, *parts):
        """The same text in both dialects."""
        return template.format(*(ours for ours, _ in parts)), template.format(*(theirs for _, theirs in parts))

    # Of any type.

    def case(self, kind, depth):
        template = "CASE WHEN {} THEN {} WHEN {} THEN {}" + self.random.choice((" ELSE {} END", " END"))
        kinds = (BOOL, kind, BOOL, kind, kind)
        return self.both(template, *(self.of(kind, depth) for kind in kinds))

    def coalesce(self, kind, depth):
        return self.both("COALESCE({}, {}, {})", *(self.of(kind, depth) for _ in range(3)))

    def nullif(self, kind, depth):
        return self.both("NULLIF({}, {})", self.of(kind, depth), self.of(kind, depth))

    def extreme(self, kind, depth):
        if kind == BOOL:
            return self.leaf(kind)
        name = self.random.choice(("GREATEST", "LEAST"))
        (a, a2), (b, b2) = self.of(kind, depth), self.of(kind, depth)
        theirs = f"CASE WHEN ({a2}) IS NULL OR ({b2}) IS NULL THEN NULL ELSE {name}({a2}, {b2}) END"
        return f"{name}({a}, {b})", theirs

    # Numbers. Products have leaves on one side, which bounds them.

    def sum_of(self, kind, depth):
        template = f"({{}} {self.random.choice('+-')} {{}})"
        return self.both(template, self.of(kind, depth), self.of(kind, depth))

    def product(self, kind, depth):
        return self.both("({} * {})", self.of(kind, depth), self.leaf(kind))

    def negative(self, kind, depth):
        return self.both("(- {})", self.of(kind, depth))

    def absolute(self, kind, depth):
        return self.both("ABS({})", self.of(kind, depth))

    def quotient(self, _kind, depth):
        (a, a2), (b, b2) = self.of(INT, depth), self.leaf(INT)
        return f"({a} / NULLIF({b}, 0))", f"CAST(trunc(({a2}) / NULLIF({b2}, 0)) AS BIGINT)"

    def remainder(self, _kind, depth):
        return self.both("({} % NULLIF({}, 0))", self.of(INT, depth), self.leaf(INT))

    def length(self, _kind, depth):
        return self.both("LENGTH({})", self.of(TEXT, depth))

    def position(self, _kind, depth):
        return self.both("STRPOS({}, {})", self.of(TEXT, depth), self.of(TEXT, depth))

    def date_part(self, _kind, depth):
        part = self.random.choice(("YEAR", "QUARTER", "MONTH", "DAY", "DOY", "DOW"))
        ours, theirs = self.both(f"EXTRACT({part} FROM {{}})", self.of(DATE, depth))
        return ours, f"({theirs} + 1)" if part == "DOW" else theirs

    def date_difference(self, _kind, depth):
        unit = self.random.choice(("day", "week", "month", "quarter", "year"))
        ours, theirs = self.both("({}, {})", self.of(DATE, depth), self.of(DATE, depth))
        return f"DATE_DIFF('{unit}', {ours[1:]}", f"date_sub('{unit}', {theirs[1:]}"

    def int_cast(self, _kind, depth):
        kind = self.random.choice((BOOL, FLOAT))
        ours, theirs = self.of(kind, depth)
        theirs = f"trunc({theirs})" if kind == FLOAT else theirs
        return f"CAST({ours} AS int)", f"CAST({theirs} AS BIGINT)"

    def int_of_text(self, _kind, _depth):
        ours, theirs = self.leaf(TEXT)
        return f"TRY_CAST({ours} AS int)", f"TRY_CAST({theirs} AS BIGINT)"

    def sign(self, _kind, depth):
        ours, theirs = self.both("SIGN({})", self.of(self.random.choice((INT, FLOAT)), depth))
        return ours, f"CAST({theirs} AS BIGINT)"

    def float_quotient(self, _kind, depth):
        return self.both("({} / NULLIF({}, 0))", self.of(FLOAT, depth), self.leaf(FLOAT))

    def mixed(self, _kind, depth):
        parts = [self.of(INT, depth), self.of(FLOAT, depth)]
        self.random.shuffle(parts)
        return self.both(f"({{}} {self.random.choice('+-')} {{}})", *parts)

    def rounded(self, _kind, depth):
        name = self.random.choice(("FLOOR", "CEIL", "TRUNC", "ROUND"))
        return self.both(f"{name}({{}})", self.of(FLOAT, depth))

    def root(self, _kind, depth):
        return self.both("SQRT(ABS({}))", self.of(FLOAT, depth))

    def float_cast(self, _kind, depth):
        ours, theirs = self.of(INT, depth)
        return f"CAST({ours} AS float)", f"CAST({theirs} AS DOUBLE)"

    # Truth.

    def comparison(self, _kind, depth):
        kind = self.random.choice(TYPES)
        sides = [self.of(kind, depth), self.of(kind, depth)]
        if kind == FLOAT and self.random.random() < 0.5:
            sides[self.random.randrange(2)] = self.of(INT, depth)
        return self.both(f"({{}} {self.random.choice(COMPARISONS)} {{}})", *sides)

    def logic(self, _kind, depth):
        template = f"({{}} {self.random.choice(('AND', 'OR'))} {{}})"
        return self.both(template, self.of(BOOL, depth), self.of(BOOL, depth))

    def negation(self, _kind, depth):
        return self.both("(NOT {})", self.of(BOOL, depth))

    def is_null(self, _kind, depth):
        template = f"({{}} IS {self.random.choice(('', 'NOT '))}NULL)"
        return self.both(template, self.of(self.random.choice(TYPES), depth))

    def distinct_from(self, _kind, depth):
        kind = self.random.choice(TYPES)
        template = f"({{}} IS {self.random.choice(('', 'NOT '))}DISTINCT FROM {{}})"
        return self.both(template, self.of(kind, depth), self.of(kind, depth))

    def between(self, _kind, depth):
        kind = self.random.choice((INT, FLOAT, TEXT, DATE))
        template = f"({{}} {self.random.choice(('', 'NOT '))}BETWEEN {{}} AND {{}})"
        return self.both(template, *(self.of(kind, depth) for _ in range(3)))

    def in_list(self, _kind, depth):
        kind = self.random.choice((INT, FLOAT, TEXT, DATE))
        template = f"({{}} {self.random.choice(('', 'NOT '))}IN ({{}}, {{}}, {{}}))"
        return self.both(template, self.of(kind, depth), *(self.leaf(kind) for _ in range(3)))

    def like(self, _kind, depth):
        pattern = self.random.choice(("a%", "%b", "%a%", "_", "a_", "%", "", "__%", "Ab"))
        return self.both(f"({{}} {self.random.choice(('', 'NOT '))}LIKE '{pattern}')", self.of(TEXT, depth))

    def starts(self, _kind, depth):
        name = self.random.choice(("STARTS_WITH", "ENDS_WITH"))
        return self.both(f"{name}({{}}, {{}})", self.of(TEXT, depth), self.of(TEXT, depth))

    # Text.

    def concatenated(self, _kind, depth):
        return self.both("({} || {})", self.of(TEXT, depth), self.of(TEXT, depth))

    def concat(self, _kind, depth):
        (a, a2), (b, b2) = self.of(TEXT, depth), self.of(TEXT, depth)
        return f"CONCAT({a}, {b})", f"(({a2}) || ({b2}))"

    def of_text(self, _kind, depth):
        name = self.random.choice(("UPPER", "LOWER", "TRIM", "LTRIM", "RTRIM"))
        return self.both(f"{name}({{}})", self.of(TEXT, depth))

    def part(self, _kind, depth):
        start = self.random.randint(1, 3)
        length = self.random.choice(("", f", {self.random.randint(0, 3)}"))
        return self.both(f"SUBSTR({{}}, {start}{length})", self.of(TEXT, depth))

    def replaced(self, _kind, depth):
        find = self.random.choice(("a", "b", "ab", "ä"))
        return self.both(f"REPLACE({{}}, '{find}', {{}})", self.of(TEXT, depth), self.of(TEXT, depth))

    def text_cast(self, _kind, depth):
        ours, theirs = self.of(self.random.choice((INT, BOOL, DATE)), depth)
        return f"CAST({ours} AS string)", f"CAST({theirs} AS VARCHAR)"

    # Dates.

    def moved(self, _kind, depth):
        amount = self.random.randint(0, 40)
        unit = self.random.choice(("DAY", "MONTH", "YEAR"))
        template = f"CAST({{}} {self.random.choice('+-')} INTERVAL {amount} {unit} AS DATE)"
        return self.both(template, self.of(DATE, depth))

    def truncated(self, _kind, depth):
        unit = self.random.choice(("day", "week", "month", "quarter", "year"))
        return self.both(f"CAST(DATE_TRUNC('{unit}', {{}}) AS DATE)", self.of(DATE, depth))

    OF_ANY_TYPE = [case, coalesce, nullif, extreme]
    NUMERIC = [sum_of, product, negative, absolute]
    OF_TYPE = {
        INT: NUMERIC
        + [quotient, remainder, length, position, date_part, date_difference, int_cast, int_of_text, sign],
        FLOAT: NUMERIC + [float_quotient, mixed, rounded, root, float_cast],
        BOOL: [comparison, comparison, logic, logic, negation, is_null, distinct_from, between, in_list, like, starts],
        TEXT: [concatenated, concat, of_text, part, replaced, text_cast],
        DATE: [moved, truncated],
    }


class Queries:
    """Random queries of the tables `t` and `u`. Each is a pair of texts; the columns are named c0, c1, …."""

    DEPTH = 3

    def __init__(self, random):
        self.random = random

    def query(self):
        shapes = (self.plain, self.ordered, self.grouped, self.windowed, self.joined, self.combined, self.nested)
        return self.random.choice(shapes)()

    def expressions(self, *relations):
        return Expressions(self.random, relations)

    def columns(self, expressions, kinds=None):
        kinds = kinds or [self.random.choice(TYPES) for _ in range(self.random.randint(1, 3))]
        return [expressions.of(kind, self.DEPTH) for kind in kinds]

    def varying(self, expressions, depth):
        """An expression that depends on the row: ORDER BY and GROUP BY read a number as that of a column."""
        while True:
            texts = expressions.of(self.random.choice(TYPES), depth)
            if "t." in texts[0]:
                return texts

    def select(self, columns, rest, distinct=False):
        """Both texts of a select list and what follows it."""
        word = "SELECT DISTINCT" if distinct else "SELECT"
        texts = []
        for at in range(2):
            items = ", ".join(f"{column[at]} AS c{number}" for number, column in enumerate(columns))
            texts.append(f"{word} {items} {rest[at]}")
        return tuple(texts)

    def where(self, source, expressions):
        if self.random.random() < 0.4:
            return source, source
        ours, theirs = expressions.of(BOOL, self.DEPTH)
        return f"{source} WHERE {ours}", f"{source} WHERE {theirs}"

    def plain(self):
        expressions = self.expressions("t")
        rest = self.where("FROM t", expressions)
        return self.select(self.columns(expressions), rest, distinct=self.random.random() < 0.3)

    def ordered(self):
        expressions = self.expressions("t")
        rest = self.where("FROM t", expressions)
        order = self.varying(expressions, self.DEPTH)
        direction = self.random.choice(("", " ASC NULLS FIRST", " DESC NULLS FIRST", " DESC NULLS LAST"))
        limit = f"LIMIT {self.random.randint(1, 12)} OFFSET {self.random.randint(0, 5)}"
        rest = tuple(f"{rest[at]} ORDER BY {order[at]}{direction}, t.n {limit}" for at in range(2))
        return self.select(self.columns(expressions), rest)

    def aggregate(self, expressions):
        random = self.random
        name = random.choice(("COUNT", "SUM", "AVG", "MIN", "MAX", "BOOL_AND", "BOOL_OR", "COUNT_IF", "STDDEV_SAMP"))
        if name in ("BOOL_AND", "BOOL_OR", "COUNT_IF"):
            kind = BOOL
        elif name in ("SUM", "AVG", "STDDEV_SAMP"):
            kind = random.choice((INT, FLOAT))
        else:
            kind = random.choice((INT, FLOAT, TEXT, DATE))
        distinct = "DISTINCT " if name in ("COUNT", "SUM", "MIN", "MAX") and random.random() < 0.3 else ""
        ours, theirs = expressions.both(f"{name}({distinct}{{}})", expressions.of(kind, self.DEPTH - 1))
        if random.random() < 0.3:
            condition = expressions.of(BOOL, self.DEPTH - 1)
            ours, theirs = f"{ours} FILTER (WHERE {condition[0]})", f"{theirs} FILTER (WHERE {condition[1]})"
        return ours, f"COALESCE(CAST({theirs} AS BIGINT), 0)" if name == "COUNT_IF" else theirs

    def grouped(self):
        expressions = self.expressions("t")
        keys = [self.varying(expressions, self.DEPTH) for _ in range(self.random.randint(0, 2))]
        aggregates = [self.aggregate(expressions) for _ in range(self.random.randint(1, 3))]
        rest = self.where("FROM t", expressions)
        if keys:
            by = self.random.choice(("{}", "{}", "ROLLUP ({})", "CUBE ({})"))
            numbers = [[key[at] for key in keys] for at in range(2)]
            rest = tuple(f"{rest[at]} GROUP BY {by.format(', '.join(numbers[at]))}" for at in range(2))
            if self.random.random() < 0.4:
                rest = tuple(f"{text} HAVING COUNT(*) > {1}" for text in rest)
        return self.select(keys + aggregates, rest)

    def windowed(self):
        random = self.random
        expressions = self.expressions("t")
        columns = []
        for _ in range(random.randint(1, 2)):
            kind = random.choice(TYPES)
            call = random.choice(
                (
                    "ROW_NUMBER()",
                    "RANK()",
                    "DENSE_RANK()",
                    "CUME_DIST()",
                    "NTILE(3)",
                    "LAG({}, 1)",
                    "LEAD({}, 2)",
                    "FIRST_VALUE({})",
                    "LAST_VALUE({})",
                    "COUNT({})",
                    "MIN({})",
                    "MAX({})",
                )
            )
            if kind in (INT, FLOAT) and random.random() < 0.4:
                call = random.choice(("SUM({})", "AVG({})"))
            value, partition = expressions.of(kind, self.DEPTH - 1), expressions.of(random.choice(TYPES), 1)
            order = self.varying(expressions, 1)
            peers = call.startswith(("RANK", "DENSE", "CUME"))
            frame = ""
            if call[:4] in ("COUN", "MIN(", "MAX(", "SUM(", "AVG(", "FIRS", "LAST"):
                start, end = random.randint(0, 3), random.randint(0, 3)
                frame = random.choice(("", f" ROWS BETWEEN {start} PRECEDING AND {end} FOLLOWING"))
            # Rows that are equal in order would come in either order.
            order_end = "" if peers else ", t.n"
            column = tuple(
                f"{call.format(value[at])} OVER (PARTITION BY {partition[at]} ORDER BY {order[at]}"
                f"{random_direction}{order_end}{frame})"
                for random_direction in (random.choice((" NULLS LAST", " DESC NULLS LAST", " NULLS FIRST")),)
                for at in range(2)
            )
            columns.append(column)
        return self.select([("t.n", "t.n"), *columns], self.where("FROM t", expressions))

    def joined(self):
        expressions = self.expressions("t", "u")
        kind = self.random.choice(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
        key = self.random.choice(("i", "j", "s", "d", "p"))
        condition = (f"t.{key} = u.{key}",) * 2
        if self.random.random() < 0.4:
            more = expressions.of(BOOL, 1)
            condition = tuple(f"{condition[at]} AND {more[at]}" for at in range(2))
        rest = tuple(f"FROM t {kind} u ON {condition[at]}" for at in range(2))
        if self.random.random() < 0.5:
            where = expressions.of(BOOL, self.DEPTH - 1)
            rest = tuple(f"{rest[at]} WHERE {where[at]}" for at in range(2))
        columns = [("t.n", "t.n"), ("u.n", "u.n"), *self.columns(expressions)]
        if self.random.random() < 0.3:
            columns = [("COUNT(*)", "COUNT(*)"), self.aggregate(expressions)]
        return self.select(columns, rest)

    def combined(self):
        kinds = [self.random.choice(TYPES) for _ in range(self.random.randint(1, 2))]
        sides = []
        for name in ("t", "u"):
            expressions = self.expressions(name)
            rest = self.where(f"FROM {name}", expressions)
            sides.append(self.select([expressions.of(kind, 1) for kind in kinds], rest))
        word = self.random.choice(("UNION", "INTERSECT", "EXCEPT")) + self.random.choice(("", " ALL"))
        return tuple(f"{sides[0][at]} {word} {sides[1][at]}" for at in range(2))

    def nested(self):
        inner, outer = self.expressions("u"), self.expressions("t")
        condition = inner.of(BOOL, 1)
        kind = self.random.choice((INT, TEXT, DATE))
        value = outer.of(kind, 1)
        column = inner.of(kind, 1)
        word = self.random.choice(("", "NOT "))
        template = self.random.choice(
            (
                "{value} {word}IN (SELECT {column} AS c FROM u WHERE {condition})",
                "{word}EXISTS (SELECT 1 AS c FROM u WHERE u.i = t.j AND {condition})",
                "{value} = (SELECT MAX({column}) AS c FROM u WHERE {condition})",
                "(SELECT COUNT(*) AS c FROM u WHERE u.s = t.s AND {condition}) > 1",
            )
        )
        rest = tuple(
            "FROM t WHERE "
            + template.format(value=value[at], word=word, column=column[at], condition=condition[at])
            for at in range(2)
        )
        return self.select([("t.n", "t.n"), *self.columns(outer)], rest)
