// Tests of policies out of `*.authz.test.yaml`. A file with a mistake is not run: a misspelt field would test something else.
import { nearestName, parseDocuments, type RawObject } from '@xebec/config';
import type { AuthorizationQuestion } from '@xebec/control-plane';
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import { isObject, type JsonObject } from '../admin/json.ts';

export type Expected = 'ALLOW' | 'DENY' | 'CUSTOM';

export interface PolicyTest {
  readonly name: string;
  readonly line: number;
  readonly question: AuthorizationQuestion;
  readonly expect: Expected;
  /** The policy that is to decide: `NAME` or `NAMESPACE/NAME`, with `[RULE]` behind it or not. */
  readonly by?: string;
}

export interface PolicyTestFile {
  /** Files and directories beside it, as they are written. */
  readonly files: readonly string[];
  readonly namespace: string;
  readonly tests: readonly PolicyTest[];
}

type Path = readonly (string | number)[];

/** What is read, with all that is wrong in it. */
class Reader {
  readonly problems: Diagnostic[] = [];
  private readonly raw: RawObject;

  constructor(raw: RawObject) {
    this.raw = raw;
  }

  refuse(path: Path, message: string, remedy: string): undefined {
    const field = path.reduce<string>(
      (text, part) =>
        typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`,
      '',
    );
    this.problems.push({
      severity: 'error',
      code: 'invalid-policy-test',
      message,
      remedy,
      ...(field === '' ? {} : { field }),
      origin: this.raw.locate(path),
    });
    return undefined;
  }

  line(path: Path): number {
    return this.raw.locate(path).line ?? 1;
  }

  /** A map with no other fields than these. */
  map(value: unknown, path: Path, known: readonly string[]): JsonObject {
    if (!isObject(value)) {
      this.refuse(path, 'this is no map', `write ${known.join(', ')}`);
      return {};
    }
    for (const name of Object.keys(value)) {
      if (known.includes(name)) continue;
      const near = nearestName(name, known);
      const remedy = near === undefined ? `known here: ${known.join(', ')}` : `did you mean "${near}"?`;
      this.refuse([...path, name], 'there is no such field', remedy);
    }
    return value;
  }

  anyMap(value: unknown, path: Path): JsonObject {
    if (isObject(value)) return value;
    this.refuse(path, 'this is no map', 'write NAME: VALUE');
    return {};
  }

  list(value: unknown, path: Path): readonly unknown[] {
    if (Array.isArray(value)) return value;
    if (value !== undefined) this.refuse(path, 'this is no list', 'write a list');
    return [];
  }

  text(value: unknown, path: Path): string | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    return this.refuse(path, 'this is no text', 'write a text');
  }

  port(value: unknown, path: Path): number | undefined {
    if (value === undefined) return undefined;
    const port = Number(value);
    if (Number.isInteger(port) && port > 0 && port <= 65_535) return port;
    return this.refuse(path, 'this is no port', 'write a number from 1 to 65535');
  }

  /** Of one name a value or several. */
  headers(value: unknown, path: Path): AuthorizationQuestion['headers'] {
    if (value === undefined) return undefined;
    if (!isObject(value)) return this.refuse(path, 'this is no map', 'write NAME: VALUE');
    return Object.entries(value).flatMap(([name, written]) => {
      const values = Array.isArray(written) ? written : [written];
      return values.map((each, index): readonly [string, string] => [
        name,
        this.text(each, [...path, name, index]) ?? '',
      ]);
    });
  }
}

const textFields = ['from', 'to', 'method', 'path', 'host', 'ip', 'sni', 'jwt'] as const;
const questionFields = [...textFields, 'port', 'headers', 'claims', 'expect', 'by', 'name'];

export function readTestFile(text: string, file: string): Result<PolicyTestFile> {
  const { objects, diagnostics } = parseDocuments(text, file);
  const [raw, ...others] = objects;
  const broken = diagnostics.filter(({ severity }) => severity === 'error');
  if (raw === undefined || broken.length > 0) return fail(...(broken.length > 0 ? broken : [noTests(file)]));
  const reader = new Reader(raw);
  for (const other of others)
    reader.problems.push({ ...noTests(file), message: 'there is a second document', origin: other.origin });
  const map = reader.map(raw.value, [], ['files', 'namespace', 'tests']);
  const files = reader
    .list(map['files'], ['files'])
    .map((each, index) => reader.text(each, ['files', index]) ?? '');
  const namespace = reader.text(map['namespace'], ['namespace']) ?? 'default';
  const tests = reader
    .list(map['tests'], ['tests'])
    .flatMap((each, index) => testsIn(each, ['tests', index], reader));
  if (tests.length === 0 && reader.problems.length === 0) reader.problems.push(noTests(file));
  return reader.problems.length > 0 ? fail(...reader.problems) : succeed({ files, namespace, tests });
}

const noTests = (file: string): Diagnostic => ({
  severity: 'error',
  code: 'invalid-policy-test',
  message: 'the file holds no tests',
  remedy: 'write one document with a list "tests"',
  origin: { file },
});

/** What cases do not say is said by the test that they are of. */
function testsIn(value: unknown, path: Path, reader: Reader): readonly PolicyTest[] {
  const shared = reader.map(value, path, [...questionFields, 'cases']);
  if (shared['cases'] === undefined) return testOf(shared, path, reader);
  const { cases: _cases, ...rest } = shared;
  return reader.list(shared['cases'], [...path, 'cases']).flatMap((each, index) => {
    const place = [...path, 'cases', index];
    const own = reader.map(each, place, questionFields);
    const name = [shared['name'], own['name']].filter((part) => part !== undefined).join(', ');
    return testOf({ ...rest, ...own, ...(name === '' ? {} : { name }) }, place, reader);
  });
}

function testOf(map: JsonObject, path: Path, reader: Reader): readonly PolicyTest[] {
  const question = questionOf(map, path, reader);
  const expect = expectedOf(map['expect'], path, reader);
  if (question === undefined || expect === undefined) return [];
  const by = reader.text(map['by'], [...path, 'by']);
  const name = reader.text(map['name'], [...path, 'name']) ?? '';
  return [{ name, line: reader.line(path), question, expect, ...(by === undefined ? {} : { by }) }];
}

function questionOf(map: JsonObject, path: Path, reader: Reader): AuthorizationQuestion | undefined {
  const texts = textFields.flatMap((name) => {
    const text = reader.text(map[name], [...path, name]);
    return text === undefined ? [] : [[name, text] as const];
  });
  const port = reader.port(map['port'], [...path, 'port']);
  const headers = reader.headers(map['headers'], [...path, 'headers']);
  const { to, ...rest }: Partial<Record<(typeof textFields)[number], string>> = Object.fromEntries(texts);
  if (to === undefined)
    return reader.refuse(path, 'the test does not say who is called', 'write to: SERVICE');
  return {
    ...rest,
    to,
    ...(port === undefined ? {} : { port }),
    ...(headers === undefined ? {} : { headers }),
    ...(map['claims'] === undefined ? {} : { claims: reader.anyMap(map['claims'], [...path, 'claims']) }),
  };
}

const expected: readonly Expected[] = ['ALLOW', 'DENY', 'CUSTOM'];

function expectedOf(value: unknown, path: Path, reader: Reader): Expected | undefined {
  const found = expected.find((each) => each === value);
  return (
    found ??
    reader.refuse([...path, 'expect'], 'the test expects nothing', `write expect: ${expected.join(' or ')}`)
  );
}
