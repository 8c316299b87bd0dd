// Variables of a proxy's environment. What would run other code in the proxy's place, or say who it is, is not for others to set.
import { andThen, type Decoder, mapOf, quote, text } from '../../decode/decoder.ts';
import { type Complaint, caution, refuse, type Walk } from '../../decode/walk.ts';
import { plainMapOf } from '../../values/plain-map.ts';
import type { TextMap } from '../../values/shapes.ts';

/** Read by loaders, shells and interpreters before Envoy is reached; or profilers that write where they are told. */
const unsafe =
  /^(LD_.*|GLIBC_.*|GCONV_PATH|PATH|IFS|ENV|BASH_.*|SHELLOPTS|NODE_.*|PYTHON.*|PERL5?.*|(CPU|HEAP)PROFILE.*)$/;

/** The agent says these itself: they are what the proxy is known by. */
const own: ReadonlySet<string> = new Set([
  ...['NAMESPACE', 'NAME', 'SERVICE_ACCOUNT', 'WORKLOAD_NAME', 'LABELS', 'APP_CONTAINERS', 'CLUSTER_ID'],
  ...['MESH_ID', 'NETWORK', 'INSTANCE_IPS', 'ISTIO_VERSION', 'ON_DEMAND_DISCOVERY', 'CAPTURE', 'GENERATOR'],
  ...['INTERCEPTION_MODE', 'APPLICATION_ADDRESS', 'UNPRIVILEGED_POD', 'CHOOSES_AFTER_HANDSHAKE'],
  'KEEPS_AUDIT',
  ...['GATEWAY_PORTS', 'AUTO_REGISTER_GROUP', 'PROXY_CONFIG', 'NODE_NAME'],
]);
const ownVariables: ReadonlySet<string> = new Set([
  ...['POD_NAME', 'POD_NAMESPACE', 'SERVICE_ACCOUNT', 'XEBEC_APP', 'XEBEC_VERSION'],
  ...['CANONICAL_SERVICE', 'CANONICAL_REVISION'],
]);

const prefix = /^ISTIO_META(JSON)?_/;
const longestValue = 16_384;

function checkName(name: string): Complaint | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,252}$/.test(name)) {
    const message = `${quote(name)} is not the name of a variable`;
    return {
      code: 'invalid-name',
      message,
      remedy: 'write letters, digits and _, not beginning with a digit',
    };
  }
  if (!unsafe.test(name)) return undefined;
  const message = `${name} decides which program runs or which files it writes, not what the proxy does`;
  return { code: 'unsafe-variable', message, remedy: 'leave it out' };
}

const value: Decoder<string> = andThen(text, (written, walk) => {
  if (written.includes('\0')) {
    return refuse(walk, {
      code: 'invalid-character',
      message: 'a variable holds no NUL character',
      remedy: 'write its value without it',
    });
  }
  if (written.length <= longestValue) return written;
  const message = `the value has ${written.length} characters, the most is ${longestValue}`;
  return refuse(walk, { code: 'too-long', message, remedy: 'write less' });
});

const isOwn = (name: string): boolean =>
  ownVariables.has(name) || (own.has(name.replace(prefix, '')) && prefix.test(name));

const isJson = (written: string): boolean => {
  try {
    JSON.parse(written);
    return true;
  } catch {
    return false;
  }
};

export const environment: Decoder<TextMap> = andThen(mapOf(value, checkName, 200), (map, walk) => {
  const entries = Object.entries(map);
  const broken = entries.find(([name, written]) => name.startsWith('ISTIO_METAJSON_') && !isJson(written));
  if (broken !== undefined) {
    const message = 'metadata of this name is JSON';
    return refuse(
      walk,
      { code: 'invalid-format', message, remedy: 'write JSON, or use ISTIO_META_' },
      broken[0],
    );
  }
  for (const [name] of entries.filter(([key]) => isOwn(key))) warnOwn(name, walk);
  return plainMapOf(Object.fromEntries(entries.filter(([name]) => !isOwn(name))));
});

const warnOwn = (name: string, walk: Walk): void =>
  caution(
    walk,
    { code: 'field-has-no-effect', message: 'the proxy is told this by its agent', remedy: 'remove it' },
    name,
  );
