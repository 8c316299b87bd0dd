// LocalImages: the sample's file is read, and every mistake has its place and a remedy.
import { expect, test } from 'vitest';
import { commandOf, finishCommand } from './application-command.ts';
import { parseLocalImages } from './local-images.ts';

const place = { file: 'xebec.local.yaml', directory: '/sample' };
const header = { apiVersion: 'local.xebec.io/v1alpha1', kind: 'LocalImages' };
const container = { name: 'a', image: 'a:1', command: [], args: [], env: [], ports: [] };

test('images and gateways, with defaults', () => {
  const parsed = parseLocalImages(
    {
      ...header,
      images: [{ image: 'a:1', command: ['node', 'a.mjs'] }],
      gateways: [{ name: 'gw', labels: { istio: 'gw' }, ports: [{ name: 'http', port: 80 }] }],
    },
    place,
  );
  expect(parsed).toMatchObject({
    ok: true,
    value: {
      directory: '/sample',
      images: [{ image: 'a:1', command: ['node', 'a.mjs'] }],
      gateways: [
        {
          name: 'gw',
          namespace: 'istio-system',
          serviceAccountName: 'gw-service-account',
          ports: [{ name: 'http', port: 80, hostPort: 80 }],
        },
      ],
    },
  });
});

test.each([
  ['no list', { ...header, images: {} }, 'images'],
  ['an unknown field', { ...header, image: [] }, 'image'],
  ['no command', { ...header, images: [{ image: 'a' }] }, 'images[0].command'],
  ['a number for a text', { ...header, images: [{ image: 'a', command: [1] }] }, 'images[0].command[0]'],
  [
    'a bad port',
    { ...header, gateways: [{ name: 'g', ports: [{ name: 'x', port: 0 }] }] },
    'gateways[0].ports[0].port',
  ],
  ['another kind', { ...header, kind: 'Images' }, 'kind'],
  ['no map at all', 'text', ''],
])('%s is refused at its place', (_what, value, field) => {
  const parsed = parseLocalImages(value, place);
  expect(parsed.ok ? [] : parsed.diagnostics).toContainEqual(
    expect.objectContaining({
      field,
      code: 'bad-local-images',
      remedy: expect.any(String),
      origin: { file: place.file },
    }),
  );
});

test("a container's command is its image's, its own, and its arguments are added", () => {
  const files = [
    { directory: '/sample', images: [{ image: 'a:1', command: ['node', 'a.mjs'] }], gateways: [] },
  ];
  expect(commandOf({ ...container, args: ['$(X)'] }, files)).toMatchObject({
    ok: true,
    value: { command: ['node', 'a.mjs', '$(X)'], directory: '/sample' },
  });
  expect(commandOf({ ...container, command: ['own'], workingDir: 'below' }, files)).toMatchObject({
    value: { command: ['own'], directory: '/sample/below' },
  });
  expect(finishCommand({ command: ['node', '$(X)'], directory: '/' }, { X: 'x' })).toEqual([
    process.execPath,
    'x',
  ]);
  expect(commandOf({ ...container, image: 'b' }, files)).toMatchObject({
    ok: false,
    diagnostics: [{ code: 'unknown-image', message: 'image b has no command in xebec.local.yaml' }],
  });
});
