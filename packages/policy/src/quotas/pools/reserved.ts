// Dimensions of a pool's instance that are not its own, but say who asks. No dimension that somebody writes can be called so.
export const reserved = {
  apiKey: 'plan:api-key',
  identity: 'plan:identity',
  user: 'plan:user',
  consumer: 'share:consumer',
  estimate: 'settle:estimate',
  request: 'settle:request',
  charged: 'settle:charged',
  reporter: 'settle:reporter',
} as const;

const names: ReadonlySet<string> = new Set(Object.values(reserved));

export interface ReadDimensions {
  readonly own: ReadonlyMap<string, string>;
  /** Empty when the call does not say. */
  said(name: keyof typeof reserved): string;
}

export function readDimensions(all: ReadonlyMap<string, string>): ReadDimensions {
  const own = new Map([...all].filter(([name]) => !names.has(name)));
  return { own, said: (name) => all.get(reserved[name]) ?? '' };
}
