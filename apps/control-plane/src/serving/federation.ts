// Other meshes that are believed about their own workloads: from the settings of the mesh to what proxies trust. What is no authority's certificate proves nobody.
import { X509Certificate } from 'node:crypto';
import type { FederatedDomain, MeshAuthority } from '@xebec/ca';
import type { ForeignRootsSpec } from '@xebec/config';
import type { Diagnostic, Result } from '@xebec/std';
import { fail, succeed } from '@xebec/std';
import type { Pipeline } from '../pipeline.ts';

type Sources = Pick<Pipeline, 'graph' | 'store' | 'federation' | 'startSettings'>;

export interface FederationOptions {
  readonly authority: Pick<
    MeshAuthority,
    'bundle' | 'trustDomain' | 'federate' | 'federatedDomains' | 'subscribe'
  >;
  readonly onProblem: (diagnostic: Diagnostic) => void;
}

/** Holds from the return on, and follows the ConfigMap of the mesh. */
export function followFederation(sources: Sources, options: FederationOptions): Disposable {
  const { graph, store, federation, startSettings } = sources;
  const { authority, onProblem } = options;
  const object = `ConfigMap/${startSettings.rootNamespace}/istio` as const;
  const configMaps = store.source('ConfigMap');
  let told = '';
  let wanted: readonly FederatedDomain[] = [];
  const tell = (problems: readonly Diagnostic[]): void => {
    const text = JSON.stringify(problems);
    if (text !== told) problems.forEach(onProblem);
    told = text;
  };
  /** Names are let in only while their own roots are what proves them. */
  const admit = (): void => {
    const domains = authority.federatedDomains;
    if ((federation.get('mesh') ?? []).join() === domains.join()) return;
    graph.transact(() => federation.set('mesh', domains));
    if (wanted.length > 0 && domains.length === 0 && authority.bundle.revocationsPem !== '')
      onProblem(suspended);
  };
  const read = (): void => {
    const found = domainsOf(configMaps.get(object)?.spec.mesh?.caCertificates ?? [], authority.trustDomain);
    const aliases = configMaps.get(object)?.spec.mesh?.trustDomainAliases ?? [];
    wanted = found.domains;
    const federated = authority.federate({ domains: wanted, aliases });
    // What cannot be kept apart is not let in at all, nor what was let in before.
    if (!federated.ok) void authority.federate({ domains: [], aliases: [] });
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
    [Symbol.dispose]() {
      for (const watch of watches) watch[Symbol.dispose]();
    },
  };
}

const suspended: Diagnostic = {
  severity: 'warning',
  code: 'federation-suspended',
  message:
    'nobody of another trust domain is let in while a certificate of this mesh is revoked: proxies that read revocation lists want one of every issuer',
  remedy: 'it goes on by itself when the revoked certificates have expired; "xebec ca status" shows them',
};

interface Found {
  readonly domains: readonly FederatedDomain[];
  readonly problems: readonly Diagnostic[];
}

function domainsOf(written: readonly ForeignRootsSpec[], ownDomain: string): Found {
  const roots = new Map<string, Set<string>>();
  const problems: Diagnostic[] = [];
  for (const { pem, trustDomains } of written) {
    const read = authoritiesIn(pem);
    if (!read.ok) problems.push(...read.diagnostics);
    if (trustDomains.includes(ownDomain)) problems.push(isOwn(ownDomain));
    for (const name of trustDomains) {
      if (!read.ok || name === ownDomain) continue;
      const known = roots.get(name) ?? new Set<string>();
      for (const root of read.value) known.add(root);
      roots.set(name, known);
    }
  }
  const domains = [...roots].map(([trustDomain, rootsPem]) => ({
    trustDomain,
    rootsPem: [...rootsPem].sort(),
  }));
  return { domains: domains.sort((a, b) => (a.trustDomain < b.trustDomain ? -1 : 1)), problems };
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
