// Filters that a proxy fetched by name, as a table: what each is, and which module it runs.
import { at, type JsonObject, objectOf, objectsOf, textOf } from '../admin/json.ts';
import { formatTable } from '../output/table.ts';

/** Of Envoy's `EcdsConfigDump`. */
export function extensionTable(dump: unknown): string {
  const rows = objectsOf(at(dump, 'ecds_filters')).map((entry) => {
    const config = objectOf(entry['ecds_filter']);
    const name = textOf(config['name']);
    const filter = innermost(objectOf(config['typed_config']));
    return [name, typeOf(filter), stateOf(entry), moduleOf(filter), causeOf(name)];
  });
  const sorted = [...rows].sort((a, b) => a.join('\0').localeCompare(b.join('\0')));
  return formatTable(['NAME', 'TYPE', 'STATUS', 'MODULE', 'CAUSE'], sorted);
}

/** A filter may stand behind a condition. */
function innermost(config: JsonObject): JsonObject {
  const inner = at(config, 'extension_config', 'typed_config');
  return inner === undefined ? config : innermost(objectOf(inner));
}

/** `type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm` is `http.wasm`. */
const typeOf = (config: JsonObject): string =>
  /\.filters\.(\w+\.\w+)\./.exec(textOf(config['@type']))?.[1] ?? textOf(config['@type']);

/** The agent puts something else in place of a filter that cannot be had. */
const stateOf = (entry: JsonObject): string =>
  textOf(entry['version_info']) === 'stand-in' ? 'MISSING' : 'ACTIVE';

/** Modules are files with their digest for a name. */
function moduleOf(config: JsonObject): string {
  const file = textOf(at(config, 'config', 'vm_config', 'code', 'local', 'filename'));
  return file === ''
    ? '-'
    : file.slice(file.lastIndexOf('/') + 1).replace(/^([0-9a-f]{12})[0-9a-f]{52}\.wasm$/, '$1');
}

const kinds: Readonly<Record<string, string>> = {
  wasmplugin: 'WasmPlugin',
  trafficextension: 'TrafficExtension',
};

/** `extensions.istio.io/wasmplugin/NAMESPACE.NAME`. */
function causeOf(name: string): string {
  const [, kind = '', namespace, object] = /^extensions\.istio\.io\/(\w+)\/([^.]+)\.([^:]+)/.exec(name) ?? [];
  const found = kinds[kind];
  return found === undefined ? '' : `${found}/${namespace}/${object}#spec`;
}
