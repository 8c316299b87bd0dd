// The certificate authority over the admin API: what is trusted, who has it, and the rotation from one root to the next.
import {
  type KeyAlgorithm,
  keyAlgorithms,
  type Revocable,
  type RotationGoal,
  type RotationKind,
} from '@xebec/ca';
import type { Result } from '@xebec/std';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ControlPlaneContext } from '../context.ts';
import { federationWarnings, shownBundle } from '../federation/start-federation.ts';
import type { CertificateAuthority } from '../serving/authority.ts';
import { expiryWarnings } from '../serving/expiry.ts';
import { awaited } from '../serving/trust-proof.ts';

interface RotateBody {
  readonly kind: RotationKind;
  readonly goal: RotationGoal;
  readonly from?: string;
  readonly keyAlgorithm?: KeyAlgorithm;
  /** Goes on without proof. */
  readonly force: boolean;
}

const rotateSchema = {
  body: {
    type: 'object',
    additionalProperties: false,
    properties: {
      kind: { enum: ['root', 'intermediate'], default: 'root' },
      goal: { enum: ['trust', 'reissue', 'verify', 'retire'], default: 'retire' },
      from: { type: 'string', minLength: 1, maxLength: 4_096 },
      keyAlgorithm: { enum: keyAlgorithms },
      force: { type: 'boolean', default: false },
    },
  },
} as const;

/** A SPIFFE id, or a serial number. */
interface RevokeBody {
  readonly what: string;
}

const revokeSchema = {
  body: {
    type: 'object',
    additionalProperties: false,
    required: ['what'],
    properties: { what: { type: 'string', minLength: 1, maxLength: 1_024 } },
  },
} as const;

const revocableOf = ({ what }: RevokeBody): Revocable =>
  what.startsWith('spiffe:') ? { identity: what } : { serial: what };

const counted = (reply: FastifyReply, result: Result<number>) =>
  result.ok ? { certificates: result.value } : reply.code(422).send({ diagnostics: result.diagnostics });

export function addAuthorityRoutes(server: FastifyInstance, context: ControlPlaneContext): void {
  const { identities } = context;
  if (identities === undefined) {
    server.get('/v1/ca', (_request, reply) => reply.code(503).send({ diagnostics: [noAuthority] }));
    return;
  }
  const { authority } = identities;
  const answer = (reply: FastifyReply, result: Result<unknown>) =>
    result.ok
      ? shownAuthority(context, identities)
      : reply.code(422).send({ diagnostics: result.diagnostics });
  server.get('/v1/ca', () => shownAuthority(context, identities));
  server.get('/v1/ca/bundle', () => ({
    trustDomain: authority.trustDomain,
    rootsPem: authority.rootsPem,
    spiffe: context.openFederation?.ownBundle.document() ?? '',
  }));
  server.post<{ Body: RotateBody }>('/v1/ca/rotate', { schema: rotateSchema }, ({ body }, reply) => {
    const { force, ...wanted } = body;
    const begun = authority.rotate(wanted);
    return answer(reply, begun.ok && force ? forceOn(identities) : begun);
  });
  server.post<{ Body: RevokeBody }>('/v1/ca/revoke', { schema: revokeSchema }, ({ body }, reply) =>
    counted(reply, authority.revoke(revocableOf(body))),
  );
  server.post<{ Body: RevokeBody }>('/v1/ca/unrevoke', { schema: revokeSchema }, ({ body }, reply) =>
    counted(reply, authority.reinstate(revocableOf(body))),
  );
  server.post('/v1/ca/rollback', (_request, reply) => answer(reply, authority.rollBack()));
}

const noAuthority = {
  severity: 'error',
  code: 'no-authority',
  message: 'this control plane has no certificate authority',
  remedy: 'start it with --state and --xds',
};

/** Every step at once; there are few, and the last ends it. */
function forceOn({ authority }: CertificateAuthority): Result<unknown> {
  for (;;) {
    const before = authority.rotation?.stage;
    const moved = authority.advance();
    if (!moved.ok || moved.value === undefined || moved.value.stage === before) return moved;
  }
}

/** Without anything that is secret: certificates by name, dates and hash. */
function shownAuthority(context: ControlPlaneContext, identities: CertificateAuthority) {
  const { authority, reports } = identities;
  const { bundle, rotation } = authority;
  const nowMs = Date.now();
  const states = context.openFederation?.federating.bundles.states ?? [];
  return {
    trustDomain: authority.trustDomain,
    bundle: { hash: bundle.hash, roots: bundle.rootsPem.length, issuer: bundle.issuer },
    certificates: authority.certificates,
    rotation:
      rotation === undefined
        ? null
        : {
            id: rotation.id,
            kind: rotation.kind,
            stage: rotation.stage,
            goal: rotation.goal,
            startedAtMs: rotation.startedAtMs,
            stageSinceMs: rotation.stageSinceMs,
            waitingFor: awaited({ ...context, ...identities, followers: context.openFederation?.followers }),
          },
    workloads: reports.all.map((report) => ({
      workload: report.node.split('~')[2] ?? report.node,
      node: report.node,
      identity: `spiffe://${report.identity.trustDomain}/ns/${report.identity.namespace}/sa/${report.identity.serviceAccount}`,
      hasBundle: report.bundle === bundle.hash,
      hasIssuer: bundle.issuer === '' || report.issuer === bundle.issuer,
      ...{ bundle: report.bundle, issuer: report.issuer, serial: report.serial },
      ...{ notBefore: report.notBefore, notAfter: report.notAfter, problem: report.problem },
    })),
    revocations: authority.revocations,
    federation: { letIn: authority.federatedDomains, bundles: states.map(shownBundle) },
    warnings: [
      ...expiryWarnings(identities, nowMs).map(({ key: _key, ...warning }) => warning),
      ...federationWarnings(authority, { states }),
    ],
  };
}
