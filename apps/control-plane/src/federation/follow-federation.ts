// Other meshes that are believed about their own workloads: from the settings of the mesh to what proxies trust. What is no authority's certificate proves nobody.
import { X509Certificate } from 'node:crypto';
import type { FederatedDomain, ForeignLists, MeshAuthority, ShutOut } from '@xebec/ca';
import type { ForeignRootsSpec } from '@xebec/config';
import type { Diagnostic, Result } from '@xebec/std';
import { fail, succeed } from '@xebec/std';
import type { Pipeline } from '../pipeline.ts';
import type { BundleFollower, BundleSource } from './bundle-follower.ts';

type Sources = Pick<Pipeline, 'graph' | 'store' | 'federation' | 'startSettings'>;

export interface FederationOptions {
  readonly authority: Pick<
    MeshAuthority,
    'trustDomain' | 'federate' | 'federatedDomains' | 'shutOut' | 'subscribe'
  >;
  readonly bundles: Pick<BundleFollower, 'follow' | 'of'>;
  readonly onProblem: (diagnostic: Diagnostic) => void;
}

export interface FollowedFederation extends Disposable {
  /** A bundle of another mesh has changed. */
  reread(): void;
}

/** Holds from the return on, and follows the ConfigMap of the mesh. */
export function followFederation(sources: Sources, options: FederationOptions): FollowedFederation {
  const { graph, store, federation, startSettings } = sources;
  const { authority, bundles, onProblem } = options;
  const object = `ConfigMap/${startSettings.rootNamespace}/istio` as const;
  const configMaps = store.source('ConfigMap');
  let told = '';
  let isReading = false;
  const tell = (problems: readonly Diagnostic[]): void => {
    const text = JSON.stringify(problems);
    if (text !== told) problems.forEach(onProblem);
    told = text;
  };
  const shut = tellOnce(onProblem);
  /** Names are let in only while their own roots are what proves them. */
  const admit = (): void => {
    if (isReading) return;
    const domains = authority.federatedDomains;
    shut(authority.shutOut.map(shutOutWarning));
    if ((federation.get('mesh') ?? []).join() === domains.join()) return;
    graph.transact(() => federation.set('mesh', domains));
  };
  const read = (): void => {
    isReading = true;
    const mesh = configMaps.get(object)?.spec.mesh;
    const written = mesh?.caCertificates ?? [];
    const aliases = mesh?.trustDomainAliases ?? [];
    bundles.follow(sourcesOf(written, authority.trustDomain));
    const found = domainsOf(written, authority.trustDomain, bundles);
    const federated = authority.federate({ domains: found.domains, aliases });
    // What cannot be kept apart is not let in at all, nor what was let in before.
    if (!federated.ok) void authority.federate({ domains: [], aliases: [] });
    isReading = false;
    const problems = [...found.problems, ...(federated.ok ? [] : federated.diagnostics)];
    tell(problems.map((problem) => ({ ...problem, object, field: 'data.mesh' })));
    admit();
  };
  read();
  const watches = [
    graph.watch(configMaps, ({ changes }) => {
      if (changes.has(object)) setImmediate(read);
    }),
    authority.subscribe(() => setImmediate(admit)),
  ];
  return {
    reread: read,
    [Symbol.dispose]() {
      for (const watch of watches) watch[Symbol.dispose]();
    },
  };
}

/** Each when it begins to hold. */
function tellOnce(onProblem: (diagnostic: Diagnostic) => void) {
  let told = new Set<string>();
  return (problems: readonly Diagnostic[]): void => {
    for (const problem of problems) if (!told.has(problem.message)) onProblem(problem);
    told = new Set(problems.map(({ message }) => message));
  };
}

const reasons: Readonly<Record<ShutOut['why'], readonly [message: string, remedy: string]>> = {
  'no-lists': [
    'something is revoked, so that proxies want a revocation list of every issuer, and of that mesh there is none',
    'follow its bundle with spiffeBundleUrl, if it is a mesh of Xebec that publishes its lists; else it goes on by itself when what was revoked has expired: "xebec ca status" shows it',
  ],
  'no-own-lists': [
    'it has revoked certificates, and proxies cannot be told which: of the issuers of this mesh, whose keys are elsewhere, there is no revocation list',
    'put lists of them into ca-crl.pem in the directory of the authority',
  ],
  'same-issuer': [
    'something is revoked, and an issuer of that mesh has the name of another one, by which proxies look revocation lists up',
    'give one of the two authorities another name',
  ],
  root: [
    'a root cannot be limited to its trust domain',
    'use root certificates of version 3 without name constraints',
  ],
};

export function shutOutWarning({ trustDomain, why }: ShutOut): Diagnostic {
  const [message, remedy] = reasons[why];
  const code = 'federation-suspended';
  return { severity: 'warning', code, message: `nobody of ${trustDomain} is let in: ${message}`, remedy };
}

function sourcesOf(written: readonly ForeignRootsSpec[], ownDomain: string): readonly BundleSource[] {
  return written.flatMap((each): readonly BundleSource[] => {
    const [trustDomain] = each.trustDomains;
    if (each.kind === 'written' || trustDomain === undefined || trustDomain === ownDomain) return [];
    const { url, endpoint } = each;
    return [{ trustDomain, url, ...(endpoint === undefined ? {} : { endpoint }) }];
  });
}

interface Found {
  readonly domains: readonly FederatedDomain[];
  readonly problems: readonly Diagnostic[];
}

/** What one entry says now. */
interface Told {
  readonly rootsPem: readonly string[];
  readonly lists: ForeignLists | undefined;
}

function domainsOf(
  written: readonly ForeignRootsSpec[],
  ownDomain: string,
  bundles: FederationOptions['bundles'],
): Found {
  const told = new Map<string, Told[]>();
  const problems: Diagnostic[] = [];
  for (const each of written) {
    const read = toldBy(each, bundles);
    if (!read.ok) problems.push(...read.diagnostics);
    if (each.trustDomains.includes(ownDomain)) problems.push(isOwn(ownDomain));
    for (const name of each.trustDomains) {
      if (!read.ok || name === ownDomain || read.value.rootsPem.length === 0) continue;
      told.set(name, [...(told.get(name) ?? []), read.value]);
    }
  }
  const domains = [...told].map(([trustDomain, entries]) => domainOf(trustDomain, entries));
  return { domains: domains.sort((a, b) => (a.trustDomain < b.trustDomain ? -1 : 1)), problems };
}

function toldBy(spec: ForeignRootsSpec, bundles: FederationOptions['bundles']): Result<Told> {
  if (spec.kind === 'fetched') {
    const [source] = sourcesOf([spec], '');
    const bundle = source === undefined ? undefined : bundles.of(source)?.bundle;
    if (bundle !== undefined) return succeed({ rootsPem: bundle.rootsPem, lists: bundle.lists });
    if (spec.endpoint === undefined) return succeed({ rootsPem: [], lists: undefined });
  }
  const read = authoritiesIn(spec.kind === 'fetched' ? (spec.endpoint?.firstPem ?? '') : spec.pem);
  return read.ok ? succeed({ rootsPem: read.value, lists: undefined }) : read;
}

/** Lists count where every root of the domain has come with its own. */
function domainOf(trustDomain: string, entries: readonly Told[]): FederatedDomain {
  const rootsPem = [...new Set(entries.flatMap((entry) => entry.rootsPem))].sort();
  const lists = entries.flatMap((entry) => entry.lists ?? []);
  if (lists.length < entries.length) return { trustDomain, rootsPem };
  return {
    trustDomain,
    rootsPem,
    lists: {
      pem: lists.map(({ pem }) => pem).join(''),
      key: lists.map(({ key }) => key).join(),
      issuerNames: lists.flatMap(({ issuerNames }) => issuerNames),
      hasRevoked: lists.some(({ hasRevoked }) => hasRevoked),
    },
  };
}

const isOwn = (trustDomain: string): Diagnostic => ({
  severity: 'error',
  code: 'federation-with-itself',
  message: `${trustDomain} is the trust domain of this mesh: the roots of others prove nobody in it`,
  remedy: 'name the trust domains of the other mesh; meshes of one trust domain share their authority',
});

const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** All of them are certificates of authorities, or none counts. */
function authoritiesIn(pem: string): Result<readonly string[]> {
  const blocks = pem.match(block) ?? [];
  for (const [index, text] of blocks.entries()) {
    const reason = whyNoAuthority(text);
    if (reason !== undefined) return fail(noAuthority(index + 1, reason));
  }
  return succeed(blocks.map((text) => `${text.replaceAll('\r', '')}\n`));
}

function whyNoAuthority(pem: string): string | undefined {
  try {
    const certificate = new X509Certificate(pem);
    if (!certificate.ca) return 'is not one of an authority';
    return Date.parse(certificate.validTo) <= Date.now() ? `expired at ${certificate.validTo}` : undefined;
  } catch {
    return 'cannot be read';
  }
}

const noAuthority = (position: number, reason: string): Diagnostic => ({
  severity: 'error',
  code: 'foreign-root-unusable',
  message: `certificate ${position} of an entry of caCertificates ${reason}: its trust domains are not let in`,
  remedy: 'write the roots that "xebec ca bundle" of the other mesh says',
});
