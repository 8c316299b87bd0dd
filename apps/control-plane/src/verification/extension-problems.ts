// What is wrong with an extension that was accepted: its filter has no place on the proxies it is for, or its credentials are not there.
import type { ObjectKey } from '@xebec/model';
import type { Diagnostic } from '@xebec/std';
import type { FilterScene, ObjectProblem } from './filter-problems.ts';

const shownProxies = 20;

export function extensionProblems(pipeline: FilterScene, key: ObjectKey): readonly ObjectProblem[] {
  const { mesh, patches } = pipeline;
  const extension = mesh.extensions.get(key);
  if (extension === undefined) return [];
  const holders = [...mesh.patchSets.entries()].flatMap(([client, set]) =>
    set.patches.some(({ object }) => object === key) ? [client] : [],
  );
  const secret = missingSecret(pipeline, key);
  const isNowhere = holders.length > 0 && patches.placesOf(`${key}#spec`) === 0;
  return [...(secret ?? []), ...(isNowhere ? [nowhere(pipeline, key, holders)] : [])];
}

const placeOf = (
  pipeline: FilterScene,
  key: ObjectKey,
  field: string,
): Pick<Diagnostic, 'origin' | 'field'> => {
  const origin = pipeline.store.locate(key, field);
  return { field, ...(origin === undefined ? {} : { origin }) };
};

function nowhere(pipeline: FilterScene, key: ObjectKey, holders: readonly string[]): ObjectProblem {
  const count = holders.length === 1 ? 'the one proxy' : `the ${holders.length} proxies`;
  return {
    ...placeOf(pipeline, key, 'spec.match'),
    severity: 'error',
    code: 'matches-nothing',
    message: `its filter has no place on ${count} it selects`,
    remedy: 'correct match: a port is the service’s on the way out, the workload’s on the way in',
    proxies: holders.slice(0, shownProxies),
  };
}

function missingSecret(pipeline: FilterScene, key: ObjectKey): readonly ObjectProblem[] | undefined {
  const extension = pipeline.mesh.extensions.get(key);
  if (extension?.spec.filter.kind !== 'wasm') return undefined;
  const { imagePullSecret: name, url } = extension.spec.filter;
  if (name === undefined || !url.startsWith('oci://')) return undefined;
  if (pipeline.mesh.pullSecrets.has(`Secret/${extension.metadata.namespace}/${name}`)) return undefined;
  const field = extension.kind === 'WasmPlugin' ? 'spec.imagePullSecret' : 'spec.wasm.imagePullSecret';
  return [
    {
      ...placeOf(pipeline, key, field),
      severity: 'error',
      code: 'reference-not-found',
      message: `there is no Secret ${extension.metadata.namespace}/${name} with .dockerconfigjson: the image is asked for without credentials`,
      remedy: 'apply the Secret, with type kubernetes.io/dockerconfigjson',
      proxies: [],
    },
  ];
}
