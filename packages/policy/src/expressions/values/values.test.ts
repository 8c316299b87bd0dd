// Text of every type: what is read, what it is equal to, and what is said of text that is none.
import { describe, expect, test } from 'vitest';
import { compareDomainNames, readDomainName } from './domain-name.ts';
import { compareMailAddresses, compareUris } from './equality.ts';
import { formatGoDuration, parseGoDuration } from './go-duration.ts';
import { equalIpAddresses, formatIpAddress, hexOf, parseIpAddress } from './ip-address.ts';
import { readMailAddress } from './mail-address.ts';
import { formatRfc3339, parseRfc3339 } from './rfc3339.ts';
import { readUri } from './uri.ts';

describe('durations', () => {
  test.each<[string, string | undefined]>([
    ['1h30m', '1h30m0s'],
    ['-1.5s', '-1.5s'],
    ['.5s', '500ms'],
    ['1500us', '1.5ms'],
    ['100ns', '100ns'],
    ['0', '0s'],
    ['2562047h47m16.854775807s', '2562047h47m16.854775807s'],
    ['2562047h47m16.854775808s', undefined],
    ['1', undefined],
    ['1d', undefined],
    ['1h-1m', undefined],
    ['', undefined],
  ])('%s', (text, formatted) => {
    const nanoseconds = parseGoDuration(text);
    expect(nanoseconds === undefined ? undefined : formatGoDuration(nanoseconds)).toBe(formatted);
  });
});

describe('times', () => {
  test.each<[string, string | undefined]>([
    ['2015-01-02T15:04:35Z', '2015-01-02T15:04:35Z'],
    ['2015-01-02T15:04:35.123456789+02:00', '2015-01-02T13:04:35.123456789Z'],
    ['1969-12-31T23:59:59.5Z', '1969-12-31T23:59:59.5Z'],
    ['2016-02-29T00:00:00Z', '2016-02-29T00:00:00Z'],
    ['2015-02-29T00:00:00Z', undefined],
    ['2015-01-02T24:00:00Z', undefined],
    ['2015-01-02 15:04:35Z', undefined],
  ])('%s', (text, formatted) => {
    const nanoseconds = parseRfc3339(text);
    expect(nanoseconds === undefined ? undefined : formatRfc3339(nanoseconds)).toBe(formatted);
  });
});

describe('IP addresses', () => {
  test.each<[string, string | undefined]>([
    ['1.2.3.4', '1.2.3.4'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::', '::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['01.2.3.4', undefined],
    ['256.1.1.1', undefined],
    ['1:2:3:4:5:6:7:8:9', undefined],
    ['::1::', undefined],
    ['fe80::1%eth0', undefined],
  ])('%s', (text, formatted) => {
    const bytes = parseIpAddress(text);
    expect(bytes === undefined ? undefined : formatIpAddress(bytes)).toBe(formatted);
  });

  test('4 and 16 bytes of one address are equal', () => {
    const long = parseIpAddress('10.0.0.1') ?? new Uint8Array();
    expect(hexOf(long)).toBe('00000000000000000000ffff0a000001');
    expect(equalIpAddresses(long, Uint8Array.from([10, 0, 0, 1]))).toBe(true);
    expect(equalIpAddresses(long, Uint8Array.from([10, 0, 0, 2]))).toBe(false);
  });
});

describe('domain names', () => {
  test.each<[string, string]>([
    ['foo.Bar.', 'foo.Bar.'],
    ['xn--bcher-kva.de', 'bücher.de'],
    ['', 'idna: invalid label ""'],
    ['a..b', 'idna: invalid label "a..b"'],
    ['-a.b', 'idna: invalid label "-a"'],
    ['ab--cd', 'idna: invalid label "ab--cd"'],
  ])('%s', (text, outcome) => {
    const read = readDomainName(text);
    expect(read.ok ? read.name : read.problem).toBe(outcome);
  });

  test.each<[string, string, boolean]>([
    ['foo.bar', 'FOO.bar.', true],
    ['bücher.de', 'XN--BCHER-kva.de', true],
    ['foo.bar', 'foo.baz', false],
  ])('%s and %s: %s', (a, b, isEqual) => {
    expect(compareDomainNames(a, b)).toEqual({ ok: true, isEqual });
  });

  test('what cannot be looked up cannot be compared', () => {
    expect(compareDomainNames('a_b', 'a')).toEqual({ ok: false, problem: 'idna: disallowed rune U+005F' });
  });
});

describe('mail addresses', () => {
  test.each<[string, string]>([
    ['a@b.c', ' a b.c'],
    ['"a b"@c.d', ' a b c.d'],
    ['N M <a@b.c>', 'N M a b.c'],
    ['a@b (N)', 'N a b'],
    ['', 'mail: no address'],
    ['barfoo', "mail: missing '@' or angle-addr"],
    ['<a@b.c', 'mail: unclosed angle-addr'],
    ['a@b c', 'mail: expected single address, got "c"'],
    ['a..b@c', "mail: missing '@' or angle-addr"],
  ])('%s', (text, outcome) => {
    const read = readMailAddress(text);
    const { displayName, local, domain } = read.ok
      ? read.address
      : { displayName: '', local: '', domain: '' };
    expect(read.ok ? `${displayName} ${local} ${domain}` : read.problem).toBe(outcome);
  });

  test('what is before the @ is compared letter by letter', () => {
    expect(compareMailAddresses('a@b.C', 'a@B.c')).toEqual({ ok: true, isEqual: true });
    expect(compareMailAddresses('A@b.c', 'a@b.c')).toEqual({ ok: true, isEqual: false });
    expect(compareMailAddresses('x', 'a@b.c').ok).toBe(false);
  });
});

describe('URIs', () => {
  test.each<[string, string]>([
    [':/', 'parse :/: missing protocol scheme'],
    ['1foo:bar', 'parse 1foo:bar: first path segment in URL cannot contain colon'],
    ['http://a b/', 'parse http://a b/: invalid character " " in host name'],
    ['http://a:b', 'parse http://a:b: invalid port ":b" after host'],
    ['http://[::1', "parse http://[::1: missing ']' in host"],
    ['/%zz', 'parse /%zz: invalid URL escape "%zz"'],
    ['urn:foo', ''],
    ['http://u:p@h:80/p?q#f', ''],
  ])('%s', (text, problem) => {
    const read = readUri(text);
    expect(read.ok ? '' : read.problem).toBe(problem);
  });

  test.each<[string, string, boolean]>([
    ['HTTP://foo.bar', 'http://FOO.bar.', true],
    ['http://foo/a', 'http://foo/A', false],
    ['http://foo:80', 'http://foo', false],
    ['URN:a', 'urn:a', true],
    ['urn:a', 'urn:A', false],
    ['file:/x', 'file:///x', true],
  ])('%s and %s: %s', (a, b, isEqual) => {
    expect(compareUris(a, b)).toEqual({ ok: true, isEqual });
  });
});
