// Who may see an object: `*`, `.`, `~` or namespaces.
import { andThen, type Decoder, list, quote, text } from '../decode/decoder.ts';
import { refuse, type Walk } from '../decode/walk.ts';
import { isDnsLabel } from './names.ts';
import type { ExportTo } from './shapes.ts';

/** What is exported as the mesh has it by default: to everybody, unless its settings say otherwise. */
export const exportToDefault: ExportTo = Object.freeze([]);

const scope: Decoder<string> = andThen(text, (name, walk) =>
  name === '*' || name === '.' || name === '~' || isDnsLabel(name)
    ? name
    : refuse(walk, {
        code: 'invalid-name',
        message: `${quote(name)} is not a namespace`,
        remedy: 'write "*" for everybody, "." for this namespace, "~" for nobody, or a namespace',
      }),
);

/** A list of scopes; empty means the mesh's default. `*` and `~` stand alone, nothing twice. */
export const exportTo: Decoder<ExportTo> = andThen(list(scope, { most: 1_000 }), checkScopes);

function checkScopes(scopes: readonly string[], walk: Walk): ExportTo | undefined {
  if (scopes.length === 0) return exportToDefault;
  if (new Set(scopes).size !== scopes.length) {
    return refuse(walk, {
      code: 'duplicate',
      message: 'a namespace is listed twice',
      remedy: 'list it once',
    });
  }
  const only = scopes.find((name) => name === '*' || name === '~');
  if (only === undefined || scopes.length === 1) return scopes;
  return refuse(walk, {
    code: 'conflicting-fields',
    message: `"${only}" and other namespaces exclude each other`,
    remedy: `write "${only}" alone or leave it out`,
  });
}

/** A mesh's own default; empty means everybody. */
export const defaultExportTo: Decoder<ExportTo> = andThen(exportTo, (scopes) =>
  scopes.length === 0 ? ['*'] : scopes,
);

/** The annotation `networking.istio.io/exportTo` of a Service: the same words, separated by commas. */
export const exportToAnnotation: Decoder<ExportTo> = andThen(text, (written, walk) =>
  exportTo(
    written
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
    walk,
  ),
);
