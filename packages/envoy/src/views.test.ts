// Which resources may answer what a proxy asks for on demand.
import { expect, test } from 'vitest';
import { typeUrls } from './resource.ts';
import { candidates } from './views.ts';

test.each([
  ['80/reviews', ['80/reviews']],
  ['9080/reviews.default:9080', ['9080/reviews.default', '9080/*.default']],
  ['80/a.b.example', ['80/a.b.example', '80/*.b.example', '80/*.example']],
  ['80/[fd00::1]:80', ['80/[fd00::1]']],
  ['80/[fd00::1]', ['80/[fd00::1]']],
  ['http_proxy/a.example:81', ['http_proxy/a.example:81', 'http_proxy/*.example:81']],
])('a request for %s looks for %j', (asked, names) => {
  expect(candidates(typeUrls.virtualHost, asked)).toEqual(names);
});

test('other types have the name that was asked for', () => {
  expect(candidates(typeUrls.cluster, 'outbound|80||a.example:80')).toEqual(['outbound|80||a.example:80']);
});
