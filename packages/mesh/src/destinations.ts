// Destinations: a service with the DestinationRule that holds for its clients: their own, the service's namespace's, the mesh's.
import type { DestinationRuleSpec, SubsetSpec } from '@xebec/config';
import type { Collection, Graph } from '@xebec/flow';
import type { Cause, ClassLayer, Destination, Host, Layer, Layered, Service, Subset } from '@xebec/model';
import { hostPort, labelsOfLayer, layered, namespaceOfLayer } from '@xebec/model';
import { deepEqual } from '@xebec/std';
import { type ClassesByPair, classesHolding } from './classes.ts';
import { compareText, expandHost } from './host-names.ts';
import { type HostRule, type HostRuleSources, indexHostRules, rulesByLevel } from './host-rules.ts';
import { type HostView, holderIn } from './hosts.ts';
import type { HostPort, MeshInputs } from './inputs.ts';
import { isSelected, type Labels } from './label-selectors.ts';
import type { Lookup } from './lookups.ts';
import { defaultLocality, type MeshSettings, namesOfIdentity, settingsOf } from './settings.ts';
import {
  defaultsOf,
  type PolicySet,
  policyOfHost,
  policyOfSubset,
  settleLocality,
  settlePool,
} from './traffic-policy.ts';
import { isVisible, layersOf, sortLayers } from './visibility.ts';

/** A DestinationRule with its host made fully qualified. */
export interface BoundDestinationRule extends HostRule {
  readonly host: Host;
  /** Which clients of its own namespace it is for; empty: for all who see it. */
  readonly selector: Labels;
  readonly spec: DestinationRuleSpec;
}

export type DestinationRuleSources = HostRuleSources<BoundDestinationRule>;

export function deriveDestinationRules(graph: Graph, inputs: MeshInputs): DestinationRuleSources {
  const { settings } = inputs;
  const rules = graph.derive({
    name: 'mesh.destinationRules',
    from: inputs.destinationRules,
    reads: { settings },
    equals: deepEqual,
    fn: ({ metadata: { namespace }, spec }, object, read) => {
      const host = expandHost(spec.host, {
        namespace,
        clusterDomain: settingsOf(read.settings).clusterDomain,
      });
      const selector = spec.workloadSelector ?? {};
      const { exportTo } = settingsOf(read.settings);
      const layers = layersOf(
        isEmpty(selector) ? spec.exportTo : ['.'],
        namespace,
        exportTo?.destinationRules,
      );
      return [[object, { object, namespace, layers, host, selector, spec }]];
    },
  });
  return indexHostRules(graph, rules, (rule: BoundDestinationRule) => [rule.host]);
}

const isEmpty = (selector: Labels): boolean => Object.keys(selector).length === 0;

export interface DestinationSources {
  readonly hosts: Collection<Host, HostView>;
  readonly rules: DestinationRuleSources;
  readonly identities: Collection<Layered<HostPort>, readonly string[]>;
  readonly classesByPair: ClassesByPair;
}

export function deriveDestinations(
  graph: Graph,
  { settings }: MeshInputs,
  { hosts, rules, identities, classesByPair }: DestinationSources,
): Collection<Layered<Host>, Destination> {
  return graph.derive({
    name: 'mesh.destinations',
    from: hosts,
    reads: { ...rules, identities, settings, classesByPair },
    equals: deepEqual,
    fn: (view, host, read) => {
      if (view.holders.length === 0) return [];
      const levels = rulesByLevel(host, read);
      const settings = settingsOf(read.settings);
      const { rootNamespace } = settings;
      const selectors = levels.flatMap((level) => level.map(({ selector }) => selector));
      const classes = classesHolding(selectors, read.classesByPair);
      const choices = distinctChoices(view, { levels, rootNamespace, classes });
      return choices.map(
        (choice) =>
          [
            layered(choice.layer, host),
            destinationOf(choice, { identities: read.identities, settings }),
          ] as const,
      );
    },
  });
}

/** What clients of a layer get. */
interface Choice {
  readonly layer: Layer;
  readonly service: Service;
  /** The layer of the service, where its endpoints are. */
  readonly serviceLayer: Layer;
  readonly rules: readonly BoundDestinationRule[];
}

type Levels = readonly (readonly BoundDestinationRule[])[];

interface ChoiceContext {
  readonly levels: Levels;
  readonly rootNamespace: string;
  /** Classes that some rule may be for. */
  readonly classes: readonly ClassLayer[];
}

function distinctChoices(view: HostView, context: ChoiceContext): readonly Choice[] {
  const rules = context.levels.flat();
  const layers = sortLayers([
    ...view.holders.map(({ layer }) => layer),
    ...rules.flatMap((rule) => rule.layers),
    ...rules.map(({ namespace }): Layer => `ns:${namespace}`),
  ]);
  const choices = layers.flatMap((layer) => choiceIn(layer, view, context));
  const shared = choices.find(({ layer }) => layer === '*');
  const wide = choices.filter((choice) => choice === shared || !isSameChoice(choice, shared));
  return [...wide, ...context.classes.flatMap((layer) => choiceOfClass(layer, view, context))];
}

/** What a class gets, where its namespace gets something else. */
function choiceOfClass(layer: ClassLayer, view: HostView, context: ChoiceContext): readonly Choice[] {
  const [wider] = choiceIn(`ns:${namespaceOfLayer(layer) ?? ''}`, view, context);
  return choiceIn(layer, view, context).filter((choice) => !isSameChoice(choice, wider));
}

function choiceIn(layer: Layer, view: HostView, { levels, rootNamespace }: ChoiceContext): readonly Choice[] {
  const holder = holderIn(view, layer);
  if (holder === undefined) return [];
  const { service } = holder;
  // Clients of an alias use the clusters of the service that it stands for.
  if (service.resolution === 'alias') return [];
  const namespaces = [namespaceOfLayer(layer), service.namespace, rootNamespace];
  const rules = selectRules(layer, namespaces, levels);
  return [{ layer, service, serviceLayer: holder.layer, rules }];
}

function isSameChoice(choice: Choice, shared: Choice | undefined): boolean {
  if (shared === undefined || choice.service !== shared.service) return false;
  return (
    choice.rules.length === shared.rules.length &&
    choice.rules.every((rule, position) => rule === shared.rules[position])
  );
}

/** The first namespace that has rules for the host decides, in it the most specific host, there a rule that selects the client. */
function selectRules(
  layer: Layer,
  namespaces: readonly (string | undefined)[],
  levels: Levels,
): readonly BoundDestinationRule[] {
  for (const namespace of namespaces) {
    for (const level of levels) {
      const found = level.filter((rule) => rule.namespace === namespace && isVisible(rule.layers, layer));
      const applying = rulesFor(layer, found);
      if (applying.length > 0) return applying;
    }
  }
  return [];
}

/** A rule that selects the clients stands alone (with those that select the same), else those that select nobody. */
function rulesFor(layer: Layer, rules: readonly BoundDestinationRule[]): readonly BoundDestinationRule[] {
  const labels = labelsOfLayer(layer);
  const own = rules.find(({ selector }) => !isEmpty(selector) && isSelected(selector, labels));
  const selector = own?.selector ?? {};
  return rules.filter((rule) => deepEqual(rule.selector, selector));
}

interface DestinationReads {
  readonly identities: Lookup<Layered<HostPort>, readonly string[]>;
  readonly settings: MeshSettings;
}

/** Several rules of one namespace for one host: subsets of all of them, the policy of the first that has one. */
function destinationOf(
  { layer, service, serviceLayer, rules }: Choice,
  { identities, settings }: DestinationReads,
): Destination {
  const policyRule = rules.find(({ spec }) => spec.trafficPolicy !== undefined);
  const { localityLbSetting = defaultLocality } = settings;
  const defaults = defaultsOf(service, settings);
  const host = policyOfHost(policyRule?.spec.trafficPolicy, defaults);
  const settle = (policies: PolicySet) =>
    settleLocality(settlePool(policies, settings), service, localityLbSetting);
  const names = service.ports
    .flatMap((port) => identities.get(layered(serviceLayer, hostPort(service.host, port))) ?? [])
    .flatMap((identity) => namesOfIdentity(identity, settings));
  return {
    layer,
    service,
    ...settle(host),
    subsets: subsetsOf(rules, (subset) => settle(policyOfSubset(host, subset, defaults))),
    identities: [...new Set([...names, ...service.subjectAltNames])].sort(compareText),
    causes: [...service.causes, ...rules.map(({ object }): Cause => ({ object }))],
  };
}

function subsetsOf(
  rules: readonly BoundDestinationRule[],
  policyOf: (subset: SubsetSpec) => PolicySet,
): readonly Subset[] {
  const subsets = new Map<string, Subset>();
  for (const { object, spec } of rules) {
    for (const [position, subset] of spec.subsets.entries()) {
      if (subsets.has(subset.name)) continue;
      const causes = [{ object, field: `spec.subsets[${position}]` }];
      subsets.set(subset.name, {
        name: subset.name,
        labels: subset.labels,
        ...policyOf(subset),
        causes,
      });
    }
  }
  return [...subsets.values()];
}
