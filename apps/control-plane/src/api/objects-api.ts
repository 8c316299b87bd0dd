// Objects, changes and history over the admin API.
import { type KindName, parseDocuments, type RawObject } from '@xebec/config';
import type { Diagnostic } from '@xebec/std';
import { type Applied, diffRevision, identify } from '@xebec/store';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { warningsOfMesh } from '../analysis/analyze-pipeline.ts';
import type { ControlPlaneContext } from '../context.ts';
import { isKindName, isObjectKey, shownObject, shownRevision } from './responses.ts';
import { seenObjects } from './seen-objects.ts';

interface Documents {
  readonly documents?: readonly { readonly file: string; readonly text: string }[];
}

interface ApplyBody extends Documents {
  readonly author?: string;
  readonly dryRun?: boolean;
  readonly message?: string;
  readonly namespace?: string;
}

interface DeleteBody extends ApplyBody {
  readonly keys?: readonly string[];
}

export function addObjectRoutes(server: FastifyInstance, context: ControlPlaneContext): void {
  const { store } = context;
  server.get<{ Querystring: { kind?: string; namespace?: string; name?: string; status?: string } }>(
    '/v1/objects',
    (request, reply) => {
      const { kind, namespace, name } = request.query;
      const known = kindOrRefusal(kind, reply);
      if (known === false) return reply;
      const items = store
        .list(known, namespace)
        .filter(({ key }) => name === undefined || key.endsWith(`/${name}`));
      if (request.query.status !== 'full')
        return { items: items.map((object) => shownObject(context, object)) };
      const seen = seenObjects(context, items);
      return { items: items.map((object) => shownObject(context, object, seen.get(object.key))) };
    },
  );
  server.post<{ Body: ApplyBody }>('/v1/apply', (request, reply) => apply(context, request.body, reply));
  server.post<{ Body: DeleteBody }>('/v1/delete', (request, reply) => remove(context, request.body, reply));
  server.get<{ Querystring: { limit?: string } }>('/v1/history', (request) => ({
    items: store.history({ limit: Number(request.query.limit ?? 100) }).map(shownRevision),
  }));
  server.get<{ Params: { number: string } }>('/v1/history/:number', (request, reply) => {
    const revision = store.revision(Number(request.params.number));
    if (revision === undefined) return refuse(reply, 404, [unknownRevision(request.params.number)]);
    return { ...shownRevision(revision), diff: diffRevision(revision) };
  });
  server.post<{ Body: { revision: number; author?: string } }>('/v1/rollback', (request, reply) => {
    const { revision, author } = request.body;
    const result = store.rollback(revision, author ?? context.author);
    return result.ok ? appliedBody(result.value, result.warnings) : refuse(reply, 422, result.diagnostics);
  });
}

const unknownRevision = (number: string): Diagnostic => ({
  severity: 'error',
  code: 'unknown-revision',
  message: `there is no revision ${number}`,
  remedy: 'list them with `xebec history`',
});

function kindOrRefusal(kind: string | undefined, reply: FastifyReply): KindName | undefined | false {
  if (kind === undefined || isKindName(kind)) return kind;
  refuse(reply, 400, [
    {
      severity: 'error',
      code: 'unknown-kind',
      message: `"${kind}" is not a kind`,
      remedy: 'name it as in manifests: VirtualService',
    },
  ]);
  return false;
}

function refuse(reply: FastifyReply, status: number, diagnostics: readonly Diagnostic[]): FastifyReply {
  return reply.code(status).send({ diagnostics });
}

interface Read {
  readonly objects: readonly RawObject[];
  readonly diagnostics: readonly Diagnostic[];
}

function read({ documents = [] }: Documents): Read {
  const files = documents.map(({ file, text }) => parseDocuments(text, file));
  return {
    objects: files.flatMap(({ objects }) => objects),
    diagnostics: files.flatMap(({ diagnostics }) => diagnostics),
  };
}

const isError = ({ severity }: Diagnostic): boolean => severity === 'error';

/** Longest wait for the check of patches, before an answer that says nothing about it. */
const checkLimitMs = 5_000;

async function apply(context: ControlPlaneContext, body: ApplyBody, reply: FastifyReply) {
  const { store } = context;
  const { objects, diagnostics } = read(body);
  if (diagnostics.some(isError)) return refuse(reply, 422, diagnostics);
  const before = new Set(warningsOfMesh(context).map(finding));
  const result = store.apply({
    upserts: objects,
    author: body.author ?? context.author,
    owner: 'api',
    mode: 'all-or-nothing',
    dryRun: body.dryRun === true,
    ...(body.message === undefined ? {} : { message: body.message }),
    ...(body.namespace === undefined ? {} : { defaultNamespace: body.namespace }),
  });
  if (!result.ok) return refuse(reply, 422, [...diagnostics, ...result.diagnostics]);
  const findings = warningsOfMesh(context).filter((each) => !before.has(finding(each)));
  const problems = body.dryRun === true ? [] : await checkedProblems(context, result.value);
  return appliedBody(result.value, [...diagnostics, ...result.warnings, ...findings, ...problems]);
}

/** What is wrong with patches just written; they are in force or refused by the time this is known. */
async function checkedProblems({ health, bootstraps }: ControlPlaneContext, { changes }: Applied) {
  const keys = changes.map(({ key }) => key).filter((key) => key.startsWith('EnvoyFilter/'));
  if (keys.length === 0) return [];
  await health.settled(checkLimitMs);
  for (const key of keys) await bootstraps.preview(key);
  return keys.flatMap((key) => health.problems(key));
}

const finding = ({ code, message, field, origin }: Diagnostic): string =>
  `${code}|${origin?.object}|${field}|${message}`;

function appliedBody(applied: Applied, warnings: readonly Diagnostic[]) {
  return {
    ...(applied.revision === undefined
      ? {}
      : { revision: applied.revision.number, epoch: applied.revision.epoch }),
    changes: applied.changes,
    warnings,
  };
}

function remove(context: ControlPlaneContext, body: DeleteBody, reply: FastifyReply) {
  const { objects, diagnostics } = read(body);
  if (diagnostics.some(isError)) return refuse(reply, 422, diagnostics);
  const named = objects.flatMap((raw) => {
    const key = identify(raw, body.namespace ?? 'default');
    return key === undefined ? [] : [key];
  });
  const deletes = [...new Set([...(body.keys ?? []).filter(isObjectKey), ...named])];
  const missing = deletes.filter((key) => context.store.get(key) === undefined);
  if (missing.length > 0) {
    return refuse(
      reply,
      404,
      missing.map((key) => ({
        severity: 'error',
        code: 'not-found',
        message: `there is no ${key}`,
        remedy: 'list what there is with `xebec get`',
      })),
    );
  }
  const result = context.store.apply({
    deletes,
    author: body.author ?? context.author,
    owner: 'api',
    mode: 'all-or-nothing',
    dryRun: body.dryRun === true,
  });
  return result.ok ? appliedBody(result.value, result.warnings) : refuse(reply, 422, result.diagnostics);
}
