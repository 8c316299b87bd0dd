// Every finding there is: its code, how grave it is, what it means and what to do. Codes are stable and never used again for something else.
// Istio's code where the finding is the same, `XB…` for the mesh's own. docs/reference/analysis.md is written from this table.

export type Gravity = 'error' | 'warning' | 'info';

export interface FindingRule {
  /** `IST0101`, `XB0101`. */
  readonly code: string;
  /** One word for it: Istio's where the code is. */
  readonly name: string;
  readonly severity: Gravity;
  readonly meaning: string;
  readonly remedy: string;
  /** What exactly may have been found; each belongs to one rule only. A finding says which in `reason`. */
  readonly reasons: readonly string[];
  /** Of reasons that are more or less grave than the rule. */
  readonly severities?: Readonly<Record<string, Gravity>>;
}

export const findingRules = [
  {
    code: 'IST0001',
    name: 'InternalError',
    severity: 'warning',
    meaning: 'A check of the analysis itself failed: what it would have found is not told.',
    remedy: 'Report it, with the message and what was analysed.',
    reasons: ['check-failed'],
  },
  {
    code: 'IST0002',
    name: 'Deprecated',
    severity: 'warning',
    meaning: 'A field still works, but there is a newer one in its place.',
    remedy: 'Write what the message names.',
    reasons: ['deprecated'],
  },
  {
    code: 'IST0101',
    name: 'ReferencedResourceNotFound',
    severity: 'error',
    meaning:
      'Something is named that is not there: a host, port, subset, gateway, secret, delegate, namespace or service. Traffic sent there fails.',
    remedy: 'Correct the name, or add what is missing.',
    reasons: [
      'destination-unknown',
      'destination-subset-unknown',
      'destination-port-unknown',
      'delegate-unknown',
      'gateway-unknown',
      'gateway-selects-nothing',
      'gateway-secret-missing',
      'namespace-unknown',
      'reference-not-found',
      'service-unknown',
    ],
  },
  {
    code: 'IST0106',
    name: 'SchemaValidationError',
    severity: 'error',
    meaning: 'The object is not valid and was not taken; a mesh that runs keeps its last good value.',
    remedy: 'Correct the field that the message names.',
    reasons: ['schema-error'],
  },
  {
    code: 'IST0107',
    name: 'MisplacedAnnotation',
    severity: 'warning',
    meaning: 'The annotation is known, but has no effect on objects of this kind.',
    remedy: 'Write it where it belongs: on the Pod template rather than the Deployment, for instance.',
    reasons: ['annotation-misplaced'],
  },
  {
    code: 'IST0108',
    name: 'UnknownAnnotation',
    severity: 'warning',
    meaning: 'An annotation of an istio.io domain that nobody reads.',
    remedy: 'Correct its name, or remove it.',
    reasons: ['annotation-unknown'],
  },
  {
    code: 'IST0109',
    name: 'ConflictingMeshGatewayVirtualServiceHosts',
    severity: 'warning',
    meaning:
      'Several VirtualServices route one host for sidecars. Here the rules of all of them apply, in a fixed order that the message tells; Istio would take one of them.',
    remedy: 'Put all rules of the host into one VirtualService.',
    reasons: ['virtual-services-merged', 'connection-rules-merged'],
  },
  {
    code: 'IST0110',
    name: 'ConflictingSidecarWorkloadSelectors',
    severity: 'warning',
    meaning:
      'Several Sidecars select one workload. The first by name holds; the others have no effect there.',
    remedy: 'Select each workload once.',
    reasons: ['sidecars-select-same'],
  },
  {
    code: 'IST0111',
    name: 'MultipleSidecarsWithoutWorkloadSelectors',
    severity: 'warning',
    meaning: 'Several Sidecars of one namespace have no selector. The first by name holds.',
    remedy: 'Make them one, or give all but one a selector.',
    reasons: ['sidecars-without-selector'],
  },
  {
    code: 'IST0112',
    name: 'VirtualServiceDestinationPortSelectorRequired',
    severity: 'error',
    meaning: 'The destination has several ports and the route names none.',
    remedy: 'Write destination.port.number.',
    reasons: ['destination-port-open'],
  },
  {
    code: 'IST0116',
    name: 'DeploymentAssociatedToMultipleServices',
    severity: 'warning',
    meaning: 'Several Services select the Deployment and use one port number with different protocols.',
    remedy: 'Use different port numbers, or one protocol.',
    reasons: ['deployment-port-protocols'],
  },
  {
    code: 'IST0118',
    name: 'PortNameIsNotUnderNamingConvention',
    severity: 'info',
    meaning:
      'Neither appProtocol nor the name of the port says what is spoken on it, so proxies find out for each connection.',
    remedy: 'Name the port PROTOCOL or PROTOCOL-SUFFIX (http-web), or write appProtocol.',
    reasons: ['port-name-free'],
  },
  {
    code: 'IST0123',
    name: 'NamespaceMultipleInjectionLabels',
    severity: 'warning',
    meaning: 'The namespace has two labels that decide about injection.',
    remedy: 'Keep istio-injection or istio.io/rev, not both.',
    reasons: ['injection-labels'],
  },
  {
    code: 'IST0125',
    name: 'InvalidAnnotation',
    severity: 'warning',
    meaning:
      'The value of the annotation is not one that it may have: it has no effect, or the object is refused.',
    remedy: 'Write a value as the message says.',
    reasons: ['annotation-invalid', 'annotation-refused'],
    severities: { 'annotation-refused': 'error' },
  },
  {
    code: 'IST0127',
    name: 'NoMatchingWorkloadsFound',
    severity: 'warning',
    meaning: 'A selector fits no workload: the object has no effect.',
    remedy: 'Correct the labels, or deploy such a workload.',
    reasons: ['selects-nothing'],
  },
  {
    code: 'IST0128',
    name: 'NoServerCertificateVerificationDestinationLevel',
    severity: 'warning',
    meaning:
      'A DestinationRule begins TLS to a host without verifying who answers (insecureSkipVerify); or, for information, verifies it by the roots of the operating system, as it names no others.',
    remedy: 'Write caCertificates or credentialName, and remove insecureSkipVerify.',
    reasons: ['server-unverified', 'server-roots-of-system'],
    severities: { 'server-roots-of-system': 'info' },
  },
  {
    code: 'IST0129',
    name: 'NoServerCertificateVerificationPortLevel',
    severity: 'warning',
    meaning: 'The same for one port of the host.',
    remedy: 'Write caCertificates or credentialName, and remove insecureSkipVerify.',
    reasons: ['server-unverified-at-port', 'server-roots-of-system-at-port'],
    severities: { 'server-roots-of-system-at-port': 'info' },
  },
  {
    code: 'IST0130',
    name: 'VirtualServiceUnreachableRule',
    severity: 'warning',
    meaning: 'No request or connection reaches the rule: earlier ones take all of them.',
    remedy: 'Move it up, narrow the other one, or remove it.',
    reasons: ['rule-shadowed', 'gateway-rule-shadowed', 'connection-rule-shadowed'],
  },
  {
    code: 'IST0131',
    name: 'VirtualServiceIneffectiveMatch',
    severity: 'info',
    meaning: 'One match of a rule is taken by an earlier one; the rule has other matches that count.',
    remedy: 'Remove the match, or move it up.',
    reasons: ['match-shadowed'],
  },
  {
    code: 'IST0132',
    name: 'VirtualServiceHostNotFoundInGateway',
    severity: 'warning',
    meaning: 'The VirtualService is bound to a Gateway none of whose servers lets its hosts in.',
    remedy: 'Add the host to a server of the Gateway; mind that servers may be for some namespaces only.',
    reasons: ['host-not-in-gateway', 'gateway-host-not-open'],
  },
  {
    code: 'IST0133',
    name: 'SchemaWarning',
    severity: 'warning',
    meaning: 'The object is valid, but something in it is probably not meant.',
    remedy: 'Do as the message says.',
    reasons: ['schema-warning'],
  },
  {
    code: 'IST0134',
    name: 'ServiceEntryAddressesRequired',
    severity: 'warning',
    meaning:
      'A TCP port of a host without an address, and the mesh was told to allocate none: its connections cannot be told from others.',
    remedy: 'Write addresses, or let the mesh allocate one (remove enable-autoallocate-ip: "false").',
    reasons: ['addresses-missing'],
  },
  {
    code: 'IST0135',
    name: 'DeprecatedAnnotation',
    severity: 'info',
    meaning: 'The annotation has been replaced by something else.',
    remedy: 'Write what the message names.',
    reasons: ['annotation-deprecated'],
  },
  {
    code: 'IST0137',
    name: 'DeploymentConflictingPorts',
    severity: 'warning',
    meaning:
      'Services of one Deployment give one target port different port numbers, or protocols that differ: a workload knows each of its ports by one Service only.',
    remedy: 'Let these Services use the same port number.',
    reasons: ['deployment-target-ports'],
  },
  {
    code: 'IST0138',
    name: 'GatewayDuplicateCertificate',
    severity: 'warning',
    meaning:
      'Two Gateways of the same proxies show one certificate: browsers may reuse an HTTP/2 connection to one host for the other, and get 404.',
    remedy: 'Put the hosts into one server, or give each its own certificate.',
    reasons: ['gateway-certificate-twice'],
  },
  {
    code: 'IST0140',
    name: 'IngressRouteRulesNotAffected',
    severity: 'info',
    meaning:
      'A route of a Gateway names a host whose subsets are chosen by another VirtualService, for sidecars: requests of the Gateway never see those rules.',
    remedy: 'Name the Gateway in that VirtualService too, or choose the subset in this one.',
    reasons: ['gateway-misses-rules'],
  },
  {
    code: 'IST0144',
    name: 'InvalidApplicationUID',
    severity: 'warning',
    meaning: "The application runs as user 1337, whose traffic is not captured: it is the proxy's.",
    remedy: 'Run it as another user.',
    reasons: ['application-user'],
  },
  {
    code: 'IST0145',
    name: 'ConflictingGateways',
    severity: 'error',
    meaning:
      'Servers of Gateways for the same proxies want the same port and host, or one port in two ways; the later one is left out.',
    remedy: 'Let one server have the host, or use another port.',
    reasons: ['gateway-host-claimed-twice', 'gateway-port-conflict', 'gateway-port-name-twice'],
  },
  {
    code: 'IST0149',
    name: 'JwtClaimBasedRoutingWithoutRequestAuthN',
    severity: 'error',
    meaning: 'A route looks at claims of a token, and nothing verifies tokens at its gateway.',
    remedy: "Add a RequestAuthentication for the gateway's workloads.",
    reasons: ['claims-unverified'],
  },
  {
    code: 'IST0150',
    name: 'ExternalNameServiceTypeInvalidPortName',
    severity: 'warning',
    meaning: 'A port of an ExternalName Service does not say what is spoken on it, or only that it is TCP.',
    remedy: 'Name it http…, https… or tls… where that is spoken; proxies then tell hosts on one port apart.',
    reasons: ['external-port-name'],
  },
  {
    code: 'IST0151',
    name: 'EnvoyFilterUsesRelativeOperation',
    severity: 'info',
    meaning:
      'The patch is placed relative to something that another EnvoyFilter may add or remove, and none says by priority which comes first; then they are applied in order of their names.',
    remedy: 'Write spec.priority, or use INSERT_FIRST.',
    reasons: ['patch-order-open'],
  },
  {
    code: 'IST0152',
    name: 'EnvoyFilterUsesReplaceOperationIncorrectly',
    severity: 'error',
    meaning: 'REPLACE cannot be done to what the patch is applied to.',
    remedy: 'Use MERGE, or replace a filter or virtual host.',
    reasons: ['patch-replace'],
  },
  {
    code: 'IST0153',
    name: 'EnvoyFilterUsesAddOperationIncorrectly',
    severity: 'error',
    meaning: 'ADD cannot be done to what the patch is applied to.',
    remedy: 'Use MERGE; routes are inserted with INSERT_FIRST, INSERT_BEFORE or INSERT_AFTER.',
    reasons: ['patch-add'],
  },
  {
    code: 'IST0154',
    name: 'EnvoyFilterUsesRemoveOperationIncorrectly',
    severity: 'error',
    meaning: 'REMOVE cannot be done to what the patch is applied to.',
    remedy: 'Remove what contains it, or use MERGE.',
    reasons: ['patch-remove'],
  },
  {
    code: 'IST0161',
    name: 'InvalidGatewayCredential',
    severity: 'error',
    meaning:
      'The Secret that a Gateway names holds no certificate and key that fit, or none that is valid now.',
    remedy: 'Put a certificate and its key into tls.crt and tls.key, in PEM.',
    reasons: ['gateway-secret-invalid'],
  },
  {
    code: 'IST0162',
    name: 'GatewayPortNotDefinedOnService',
    severity: 'warning',
    meaning: 'A Gateway opens a port that no Service of its workloads leads to.',
    remedy: 'Add the port to the Service of the gateway.',
    reasons: ['gateway-port-unserved'],
  },
  {
    code: 'IST0167',
    name: 'IneffectivePolicy',
    severity: 'warning',
    meaning: 'A policy, or a part of it, has no effect: another one takes its place, or nobody has its port.',
    remedy: 'Remove one of them, let them select different workloads, or write the port of the container.',
    reasons: ['peer-authentication-ignored', 'peer-port-unused', 'policy-shadowed'],
  },
  {
    code: 'IST0173',
    name: 'DestinationRuleSubsetNotSelectPods',
    severity: 'error',
    meaning: 'No workload of the host has the labels of the subset: requests to it are answered 503 (UH).',
    remedy: 'Correct the labels, or deploy this version.',
    reasons: ['subset-selects-nothing'],
  },
  {
    code: 'IST0174',
    name: 'UnknownDestinationRuleHost',
    severity: 'warning',
    meaning: 'No service has the host of the DestinationRule: it has no effect.',
    remedy: 'Correct the host, or define it by a Service or ServiceEntry.',
    reasons: ['rule-host-unknown'],
  },
  {
    code: 'IST0177',
    name: 'ConflictingServiceEntryProtocol',
    severity: 'warning',
    meaning:
      'Several ServiceEntries define one host and port and say different protocols; the first one holds.',
    remedy: 'Write the same protocol in all of them.',
    reasons: ['entry-protocols'],
  },
  {
    code: 'XB0001',
    name: 'NotPartOfTheMesh',
    severity: 'info',
    meaning: 'An object of a kind that the mesh does not read: it was not looked at.',
    remedy: 'Nothing, unless its kind is misspelt.',
    reasons: ['kind-unknown'],
  },
  {
    code: 'XB0002',
    name: 'FieldOfAnotherVersion',
    severity: 'info',
    meaning: 'A field of a Kubernetes object that the mesh does not read.',
    remedy: 'Nothing, unless it is misspelt.',
    reasons: ['field-unread'],
  },
  {
    code: 'XB0003',
    name: 'DuplicateObject',
    severity: 'error',
    meaning: 'One object is written twice.',
    remedy: 'Keep one of the two, or give one of them another name.',
    reasons: ['object-twice'],
  },
  {
    code: 'XB0101',
    name: 'HostClaimedTwice',
    severity: 'warning',
    meaning: 'Two objects define one host for the same clients; the message says which of them holds.',
    remedy: 'Give one of them another host, or limit exportTo.',
    reasons: ['host-claimed-twice'],
  },
  {
    code: 'XB0102',
    name: 'AddressMoved',
    severity: 'info',
    meaning: 'Two hosts would be allocated one address; one of them has the next.',
    remedy: 'Write an address, if clients must know it beforehand.',
    reasons: ['address-moved'],
  },
  {
    code: 'XB0103',
    name: 'AddressClaimedTwice',
    severity: 'warning',
    meaning: 'Two hosts have one address and port, and connections to it can only go to one of them.',
    remedy: 'Give each of them its own address, or name the port after an HTTP protocol.',
    reasons: ['address-claimed-twice'],
  },
  {
    code: 'XB0104',
    name: 'PortClaimedTwice',
    severity: 'warning',
    meaning: 'A host without an address can be known by its port alone, and others use that port.',
    remedy: 'Write the addresses of the host.',
    reasons: ['port-claimed-twice'],
  },
  {
    code: 'XB0105',
    name: 'DestinationNotVisible',
    severity: 'error',
    meaning: 'The destination exists, but is not exported to the namespace whose rule names it.',
    remedy: 'Add the namespace to exportTo of the Service or ServiceEntry.',
    reasons: ['destination-hidden'],
  },
  {
    code: 'XB0106',
    name: 'RulesForAnotherNamespace',
    severity: 'warning',
    meaning:
      'A VirtualService routes a host of another namespace and does not say for whom: its rules hold for clients of its own namespace only.',
    remedy: 'Write exportTo, or put the rules into the namespace of the host.',
    reasons: ['host-of-another-namespace'],
  },
  {
    code: 'XB0107',
    name: 'DelegationFails',
    severity: 'error',
    meaning: 'A route delegates to a VirtualService that cannot take it: the route does not take effect.',
    remedy: 'Do as the message says: match within what is delegated, export it, remove its hosts.',
    reasons: ['delegate-conflict', 'delegate-has-hosts', 'delegate-not-exported'],
  },
  {
    code: 'XB0108',
    name: 'UnusedDelegate',
    severity: 'warning',
    meaning: 'A VirtualService without hosts to which nobody delegates.',
    remedy: 'Add hosts, or delegate to it.',
    reasons: ['delegate-unused'],
  },
  {
    code: 'XB0109',
    name: 'RoutesMergedAtGateway',
    severity: 'info',
    meaning:
      'Several VirtualServices route one host of a Gateway; the rules of the first by name are tried first.',
    remedy: 'Nothing, if that order is meant.',
    reasons: ['gateway-routes-merged'],
  },
  {
    code: 'XB0110',
    name: 'DestinationRulesMerged',
    severity: 'warning',
    meaning:
      'Several DestinationRules of one namespace are for one host: all subsets count, but one traffic policy.',
    remedy: 'Put all that concerns the host into one DestinationRule.',
    reasons: ['destination-rules-merged'],
  },
  {
    code: 'XB0111',
    name: 'UnusedSubset',
    severity: 'info',
    meaning: 'No route sends anything to the subset.',
    remedy: 'Nothing, if it is for later; else remove it.',
    reasons: ['subset-unused'],
  },
  {
    code: 'XB0112',
    name: 'ShareWithoutEndpoints',
    severity: 'warning',
    meaning: 'A share of the requests goes where no workload answers, while others of the route have some.',
    remedy: 'Deploy the workload first, or set the weight to 0 until then.',
    reasons: ['share-lost'],
  },
  {
    code: 'XB0113',
    name: 'UnusedDestinationRule',
    severity: 'warning',
    meaning:
      "A DestinationRule holds for no client: others of the clients' or the service's namespace come first.",
    remedy: 'Put it into one of these namespaces, or remove the other.',
    reasons: ['rule-unused'],
  },
  {
    code: 'XB0201',
    name: 'MutualTlsMismatch',
    severity: 'error',
    meaning:
      'Clients are told not to use mutual TLS of the mesh where the server insists on it, or the other way round.',
    remedy:
      'Remove tls from the DestinationRule (mutual TLS is automatic), or change the PeerAuthentication.',
    reasons: ['mtls-mismatch'],
  },
  {
    code: 'XB0301',
    name: 'MatchesNothing',
    severity: 'error',
    meaning:
      'A patch of an EnvoyFilter, or the filter of an extension, fits nothing that any of its proxies has.',
    remedy: 'Correct the match, or remove the patch.',
    reasons: ['matches-nothing'],
  },
  {
    code: 'XB0302',
    name: 'RefusedByEnvoy',
    severity: 'error',
    meaning:
      'Envoy, or a proxy, refuses what is made of the object (or it could not be checked): its last good value stays in force, or nothing of it.',
    remedy: "Correct the value; the message has Envoy's words.",
    reasons: ['refused-by-envoy', 'refused-by-proxy', 'cannot-verify'],
  },
  {
    code: 'XB0401',
    name: 'GatewayServerUnrouted',
    severity: 'warning',
    meaning: 'A server of a Gateway has no route: what comes to it goes nowhere.',
    remedy: 'Bind a VirtualService to the Gateway with the rules that this server needs.',
    reasons: ['gateway-server-unrouted'],
  },
  {
    code: 'XB0402',
    name: 'SecretOfAnotherNamespace',
    severity: 'error',
    meaning: 'A Gateway names a Secret of a namespace that is neither its own nor that of its workloads.',
    remedy: 'Put the Secret into the namespace of the workloads and write its name only.',
    reasons: ['gateway-secret-foreign'],
  },
  {
    code: 'XB0403',
    name: 'RouteNotExportedToGateway',
    severity: 'warning',
    meaning:
      'A VirtualService is not exported to the namespace whose proxies serve the Gateway it is bound to.',
    remedy: 'Add that namespace to exportTo.',
    reasons: ['gateway-route-not-exported'],
  },
  {
    code: 'XB0404',
    name: 'GatewayNamesNothing',
    severity: 'warning',
    meaning: 'A server with AUTO_PASSTHROUGH lets clients name no service at all.',
    remedy: 'Write *.local, or put the Gateway into the namespace of the gateway workload.',
    reasons: ['gateway-names-nothing'],
  },
  {
    code: 'XB0405',
    name: 'GatewayDestinationUnresolved',
    severity: 'error',
    meaning:
      'A route of a Gateway leads to a host with resolution NONE, which means: where the client connected. That is the gateway itself.',
    remedy: 'Use resolution DYNAMIC_DNS, or DNS for a host without a wildcard.',
    reasons: ['gateway-destination-unresolved'],
  },
  {
    code: 'XB0406',
    name: 'GatewayDatagramsUnroutable',
    severity: 'error',
    meaning:
      'A rule for the UDP port of a Gateway has several destinations, a subset or destinationSubnets: datagrams cannot be told apart or shared.',
    remedy: 'Write one destination without subset, and no destinationSubnets.',
    reasons: ['gateway-datagrams-unroutable'],
  },
  {
    code: 'XB0501',
    name: 'UnknownTargetPort',
    severity: 'warning',
    meaning: 'A Service names a container port that none of its workloads has.',
    remedy: 'Name the container port, or write its number.',
    reasons: ['target-port-unknown'],
  },
  {
    code: 'XB0502',
    name: 'UnknownServiceAccount',
    severity: 'info',
    meaning: 'A workload runs as a ServiceAccount that is not there; a cluster would not start it.',
    remedy: 'Add it.',
    reasons: ['service-account-unknown'],
  },
  {
    code: 'XB0503',
    name: 'WorkloadNameUnresolved',
    severity: 'warning',
    meaning:
      'A WorkloadEntry has a name for an address, and a Service, or a ServiceEntry that looks no names up, selects it: it is none of their endpoints.',
    remedy: 'Write an IP address, or select it by a ServiceEntry with resolution DNS.',
    reasons: ['workload-name-unresolved'],
  },
  {
    code: 'XB0601',
    name: 'HttpRuleOnTcpPort',
    severity: 'error',
    meaning:
      'An AuthorizationPolicy looks at requests of workloads whose port is not HTTP. Such a rule allows nothing there, and denies whatever its other conditions fit.',
    remedy:
      'Limit the rule to ports that speak HTTP (to.operation.ports), or declare the protocol of the port.',
    reasons: ['http-rule-on-tcp-port'],
  },
  {
    code: 'XB0602',
    name: 'UnknownProvider',
    severity: 'error',
    meaning:
      'An AuthorizationPolicy with the action CUSTOM names a provider that the mesh does not have, or that cannot be asked. Whatever the policy matches is refused.',
    remedy:
      'Add the provider to extensionProviders of the ConfigMap of the mesh, with a service that is there.',
    reasons: ['provider-unknown'],
  },
  {
    code: 'XB0701',
    name: 'SelectorOfRootNamespace',
    severity: 'warning',
    meaning:
      'A Sidecar or ProxyConfig of the root namespace has a selector that fits workloads of other namespaces. With a selector it holds for workloads of the root namespace only.',
    remedy: 'Write it in the namespace of the workloads, or without a selector for the whole mesh.',
    reasons: ['selects-in-root-only'],
  },
  {
    code: 'XB0702',
    name: 'UnknownSidecarImport',
    severity: 'warning',
    meaning: 'A Sidecar imports a host that is not there, or not on that port: nothing can be reached by it.',
    remedy: 'Write the namespace of the Service or ServiceEntry and its whole host name.',
    reasons: ['import-unknown'],
  },
  {
    code: 'XB0703',
    name: 'UnreachedIngressPort',
    severity: 'warning',
    meaning:
      'A Sidecar accepts traffic on a port that no Service leads to, and on no other ports: its number is that of targetPort.',
    remedy: 'Write the targetPort of the Service.',
    reasons: ['ingress-port-unreached'],
  },
  {
    code: 'XB0801',
    name: 'PolicyReferenceNotFound',
    severity: 'error',
    meaning: 'A rule or spec of the policy service names a handler, instance or spec that is not there.',
    remedy: 'Correct the name (NAME.NAMESPACE for another namespace), or add what is missing.',
    reasons: ['policy-handler-unknown', 'policy-instance-unknown', 'policy-spec-unknown'],
  },
  {
    code: 'XB0802',
    name: 'PolicyObjectUnused',
    severity: 'info',
    meaning: 'A handler or instance of the policy service that no rule and no QuotaSpec names.',
    remedy: 'Name it in a rule, or remove it.',
    reasons: ['policy-object-unused'],
  },
  {
    code: 'XB0803',
    name: 'PolicySpecUnbound',
    severity: 'warning',
    meaning: 'A QuotaSpec or HTTPAPISpec that no binding names: it has no effect.',
    remedy: 'Add a QuotaSpecBinding or HTTPAPISpecBinding.',
    reasons: ['policy-spec-unbound'],
  },
] as const satisfies readonly FindingRule[];

/** What exactly was found. */
export type Reason = (typeof findingRules)[number]['reasons'][number];

const rulesByReason: ReadonlyMap<string, FindingRule> = new Map(
  findingRules.flatMap((rule) => rule.reasons.map((reason) => [reason, rule] as const)),
);

/** The rule of a reason. */
export const ruleOf = (reason: string): FindingRule | undefined => rulesByReason.get(reason);

/** How grave a reason is. */
export function gravityOf(reason: string): Gravity {
  const rule = ruleOf(reason);
  return rule?.severities?.[reason] ?? rule?.severity ?? 'warning';
}

export const isReason = (text: string): text is Reason => rulesByReason.has(text);
