// WasmPlugin: a WebAssembly filter in the chains of proxies.
import { andThen, oneOf } from '../../decode/decoder.ts';
import { type Decoded, object, required, withDefault } from '../../decode/object.ts';
import type { Walk } from '../../decode/walk.ts';
import { defineKind, istioExtensions, manifestOf } from '../define.ts';
import { placementOf, placementShape } from './placement.ts';
import type { ExtensionSpec } from './spec.ts';
import { laterWasmFields, wasmFilterOf, wasmShape } from './wasm-filter.ts';

const shape = {
  ...placementShape,
  ...wasmShape,
  phase: withDefault(oneOf('UNSPECIFIED_PHASE', 'AUTHN', 'AUTHZ', 'STATS'), 'UNSPECIFIED_PHASE'),
};

function specOf(value: Decoded<typeof shape>, walk: Walk): ExtensionSpec | undefined {
  const placement = placementOf(value, walk);
  const filter = wasmFilterOf(value, walk);
  if (placement === undefined || filter === undefined) return undefined;
  const phase = value.phase === 'UNSPECIFIED_PHASE' ? 'UNSPECIFIED' : value.phase;
  return { ...placement, phase, filter };
}

export const wasmPluginKind = defineKind({
  ...istioExtensions,
  kind: 'WasmPlugin',
  plural: 'wasmplugins',
  shortNames: [],
  body: andThen(
    manifestOf(
      { spec: required(andThen(object(shape, { later: laterWasmFields }), specOf)) },
      { ignored: ['status'] },
    ),
    (value) => value.spec,
  ),
});
