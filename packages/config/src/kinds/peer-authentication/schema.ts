// PeerAuthentication: which connections workloads take, mutual TLS or plaintext.
import { andThen, mapOf, oneOf, quote } from '../../decode/decoder.ts';
import { type Decoded, object, optional, withDefault } from '../../decode/object.ts';
import { type Complaint, refuse, type Walk } from '../../decode/walk.ts';
import { workloadSelector } from '../../values/label-selector.ts';
import { emptyMap } from '../../values/plain-map.ts';
import { defineKind, istioSecurity, manifestOf } from '../define.ts';
import type { MutualTlsMode, PeerAuthenticationSpec } from './spec.ts';

const mutualTls = andThen(
  object({ mode: withDefault(oneOf('UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT'), 'UNSET') }),
  ({ mode }): MutualTlsMode => mode,
);

function checkPort(key: string): Complaint | undefined {
  if (/^[1-9]\d{0,4}$/.test(key) && Number(key) <= 65_535) return undefined;
  const message = `${quote(key)} is not a port`;
  return { code: 'out-of-range', message, remedy: 'write a number from 1 to 65535' };
}

const noModes: Readonly<Record<number, MutualTlsMode>> = emptyMap;

const shape = {
  selector: optional(workloadSelector),
  mtls: withDefault<MutualTlsMode>(mutualTls, 'UNSET'),
  portLevelMtls: withDefault<Readonly<Record<number, MutualTlsMode>>>(
    mapOf(mutualTls, checkPort, 1_000),
    noModes,
  ),
};

function check(value: Decoded<typeof shape>, walk: Walk): PeerAuthenticationSpec | undefined {
  const isWide = value.selector === undefined || Object.keys(value.selector).length === 0;
  if (isWide && Object.keys(value.portLevelMtls).length > 0) {
    const message = 'portLevelMtls goes with a selector only';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'add a selector' }, 'portLevelMtls');
  }
  const { selector } = value;
  return {
    ...(isWide || selector === undefined ? {} : { selector }),
    mode: value.mtls,
    portModes: value.portLevelMtls,
  };
}

const nothing: PeerAuthenticationSpec = Object.freeze({ mode: 'UNSET', portModes: noModes });

export const peerAuthenticationKind = defineKind({
  ...istioSecurity,
  kind: 'PeerAuthentication',
  plural: 'peerauthentications',
  shortNames: ['pa'],
  body: andThen(
    manifestOf(
      { spec: withDefault<PeerAuthenticationSpec>(andThen(object(shape), check), nothing) },
      { ignored: ['status'] },
    ),
    (value) => value.spec,
  ),
});
