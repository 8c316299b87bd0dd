// A Deployment must select its own Pods, and it restarts them for ever.
import { refuse, type Walk } from '../../decode/walk.ts';
import { matchesSelector } from '../../values/matches-selector.ts';
import type { DeploymentSpec } from './spec.ts';

export function checkSelector(spec: DeploymentSpec, walk: Walk): DeploymentSpec | undefined {
  const { selector, template } = spec;
  if (Object.keys(selector.matchLabels).length + selector.matchExpressions.length === 0) {
    return refuse(
      walk,
      { code: 'missing-field', message: 'an empty selector selects every Pod', remedy: 'add matchLabels' },
      'selector',
    );
  }
  if (!matchesSelector(selector, template.labels)) {
    const message = 'does not select the Pods of its own template';
    const remedy = 'give template.metadata.labels the labels of selector.matchLabels';
    return refuse(walk, { code: 'selector-mismatch', message, remedy }, 'selector');
  }
  if (template.body.restartPolicy === 'Always') return spec;
  const message = 'a Deployment restarts its Pods always';
  const remedy = 'remove restartPolicy';
  return refuse(walk, { code: 'unknown-value', message, remedy }, 'template', 'spec', 'restartPolicy');
}
