// Label selectors: found through an index on one label pair, then verified on the rest.

export type Labels = Readonly<Record<string, string>>;

/** `NAMESPACE|KEY=VALUE`, or `NAMESPACE|` for selectors without labels. */
export type SelectorAnchor = `${string}|${string}`;

/** Labels that tell workloads apart best, so that few candidates have to be verified. */
const preferred: readonly string[] = ['app', 'app.kubernetes.io/name', 'k8s-app', 'istio', 'name'];

/** The one anchor under which a selector is indexed. */
export function anchorOfSelector(namespace: string, selector: Labels): SelectorAnchor {
  const keys = Object.keys(selector).sort();
  const key = preferred.find((name) => Object.hasOwn(selector, name)) ?? keys[0];
  return key === undefined ? `${namespace}|` : `${namespace}|${key}=${selector[key] ?? ''}`;
}

/** All anchors under which selectors that match these labels may be found. */
export function anchorsOfLabels(namespace: string, labels: Labels): readonly SelectorAnchor[] {
  const pairs = Object.entries(labels).map(([key, value]): SelectorAnchor => `${namespace}|${key}=${value}`);
  return [`${namespace}|`, ...pairs];
}

/** Whether the labels have every pair of the selector; a selector without labels matches everything. */
export function isSelected(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(
    ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
  );
}
