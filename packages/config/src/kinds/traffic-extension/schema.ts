// TrafficExtension: a WebAssembly filter or a Lua script in the chains of proxies.
import { andThen, oneOf, text } from '../../decode/decoder.ts';
import { type Decoded, exactlyOne, object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { defineKind, istioExtensions, manifestOf } from '../define.ts';
import { placementOf, placementShape } from '../wasm-plugin/placement.ts';
import type { ExtensionSpec, LuaFilterSpec } from '../wasm-plugin/spec.ts';
import { laterWasmFields, wasmFilterOf, wasmShape } from '../wasm-plugin/wasm-filter.ts';

const longestScript = 65_536;

const script = andThen(text, (code, walk) => {
  if (code.length > longestScript) {
    const message = `has ${code.length} characters, the most is ${longestScript}`;
    return refuse(walk, { code: 'too-long', message, remedy: 'write a Wasm filter for so much' });
  }
  if (/\benvoy_on_(request|response)\b/.test(code)) return code;
  return refuse(walk, {
    code: 'missing-field',
    message: 'the script defines neither envoy_on_request nor envoy_on_response, so nothing would call it',
    remedy: 'define function envoy_on_request(handle) … end',
  });
});

const { targetRef: _old, ...placement } = placementShape;

const shape = {
  ...placement,
  phase: withDefault(oneOf('UNSPECIFIED', 'AUTHN', 'AUTHZ', 'STATS'), 'UNSPECIFIED'),
  wasm: optional(andThen(object(wasmShape, { later: laterWasmFields }), wasmFilterOf)),
  lua: optional(
    andThen(
      object({ inlineCode: required(script) }),
      ({ inlineCode }): LuaFilterSpec => ({ kind: 'lua', inlineCode }),
    ),
  ),
};

function specOf(value: Decoded<typeof shape>, walk: Walk): ExtensionSpec | undefined {
  const { wasm, lua, phase } = value;
  const found = placementOf(value, walk);
  if (!exactlyOne({ wasm, lua }, ['wasm', 'lua'], walk)) return undefined;
  const filter = wasm ?? lua;
  return found === undefined || filter === undefined ? undefined : { ...found, phase, filter };
}

export const trafficExtensionKind = defineKind({
  ...istioExtensions,
  kind: 'TrafficExtension',
  plural: 'trafficextensions',
  shortNames: [],
  body: andThen(
    manifestOf({ spec: required(andThen(object(shape), specOf)) }, { ignored: ['status'] }),
    (value) => value.spec,
  ),
});
