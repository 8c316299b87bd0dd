// Percent signs in header values: confirmed with Envoy 1.40 in validate mode.
import { expect, test } from 'vitest';
import { checkFormat } from './format-string.ts';

const good = [
  '',
  'plain',
  '100%%',
  '%DOWNSTREAM_REMOTE_ADDRESS%',
  'a-%REQ(:authority)%-%REQ(x-a?:path):20%',
  '%START_TIME(%Y-%m)%',
  '%FILTER_STATE(a.b:PLAIN)%',
  '%METADATA(ROUTE:istio:config)%',
  '%DYNAMIC_METADATA(a:b)%',
];

const bad = ['%', '50% off', '%%%', '%REQ%', '%REQ()%', '%REQ(a b)%', '%req(a)%', '%DURATION:3%', '%FOO%'];
const unsafe = ['%ENVIRONMENT(HOME)%', '%METADATA(x)%', '%PROTOCOL(x)%'];

test.each(good)('takes %s', (value) => expect(checkFormat(value)).toBeUndefined());
test.each([...bad, ...unsafe])('refuses %s', (value) =>
  expect(checkFormat(value)?.code).toBe('invalid-format'),
);
