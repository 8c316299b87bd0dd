// What it means to take certificates back, and to give them back: pure changes of the record.
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { type Refusal, refuse } from '../refusal.ts';
import { parseSpiffeId } from '../spiffe-id.ts';
import { serialText } from '../x509/certificate-reader.ts';
import type { IssuedEntry } from './issued-log.ts';
import type { Revocations } from './revocations.ts';

/** One certificate, or all of an identity, which then gets no other one. */
export type Revocable = { readonly serial: string } | { readonly identity: string };

export interface Revoking {
  readonly wanted: Revocable;
  /** Certificates that are about. */
  readonly held: readonly IssuedEntry[];
  readonly nowMs: number;
  /** No certificate ends later. */
  readonly longestMs: number;
}

/** A number that nobody here gave out counts for every issuer. */
export function withRevoked(
  { certificates, identities }: Revocations,
  { wanted, held, nowMs, longestMs }: Revoking,
): Revocations {
  const unknown = { issuer: '', identity: '', notAfterMs: longestMs };
  const meant = held.length === 0 && 'serial' in wanted ? [{ serial: wanted.serial, ...unknown }] : held;
  const added = meant
    .filter(({ serial }) => !certificates.some((each) => each.serial === serial))
    .map((entry) => ({ ...entry, revokedAtMs: nowMs }));
  const isNew = 'identity' in wanted && !identities.some(({ identity }) => identity === wanted.identity);
  return {
    certificates: [...certificates, ...added],
    identities: isNew ? [...identities, { identity: wanted.identity, revokedAtMs: nowMs }] : identities,
  };
}

export function withReinstated({ certificates, identities }: Revocations, wanted: Revocable): Revocations {
  const isMeant = (each: { readonly serial?: string; readonly identity: string }): boolean =>
    'serial' in wanted ? each.serial === wanted.serial : each.identity === wanted.identity;
  return {
    certificates: certificates.filter((each) => !isMeant(each)),
    identities: identities.filter((each) => !isMeant(each)),
  };
}

/** A serial number as tools write it, or the SPIFFE id of a workload. */
export function checkRevocable(wanted: Revocable): Result<Revocable> {
  if ('identity' in wanted) {
    const parsed = parseSpiffeId(wanted.identity);
    return parsed.ok ? succeed(wanted) : parsed;
  }
  const digits = wanted.serial.replaceAll(':', '').toUpperCase();
  if (/^[0-9A-F]{1,40}$/.test(digits)) {
    return succeed({
      serial: serialText(Buffer.from(digits.padStart(2 * Math.ceil(digits.length / 2), '0'), 'hex')),
    });
  }
  return refuse({
    code: 'bad-serial-number',
    message: 'not the serial number of a certificate',
    remedy: 'write it in hexadecimal, as "xebec ca status -o json" shows it',
  });
}

export const identityIsRevoked: Refusal = {
  code: 'identity-revoked',
  message: 'this identity gets no certificates',
  remedy: 'xebec ca unrevoke gives it back',
};
