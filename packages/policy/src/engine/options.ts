// What an engine is made from.
import type { Adapter, BuildRemoteHandler } from '../adapters/sdk.ts';
import type { PolicyObject, PolicyProblem } from '../configuration/policy-object.ts';
import type { PolicyEngine } from './engine.ts';

/** Time and chance, so that tests decide both. */
export interface EngineClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls back once, after so many milliseconds; the result cancels. */
  after(milliseconds: number, callback: () => void): () => void;
  /** From 0 up to but not including 1. */
  random(): number;
}

export interface EngineLimits {
  /** A configuration waits no longer for a handler to be built; it is used once it is. */
  readonly buildMs: number;
  /** For one call of a handler that says nothing else. */
  readonly handlerTimeoutMs: number;
  /** Failures one after the other that open a handler's circuit. */
  readonly failuresToOpen: number;
  /** How long it stays open before one call may try again. */
  readonly openMs: number;
  /** Calls of one handler under way at the same time; more fail at once. */
  readonly callsUnderWay: number;
  /** Instances that wait for one handler; more are lost, and counted. */
  readonly queuedInstances: number;
  /** Instances that one call of a handler gets at most. */
  readonly batchedInstances: number;
  /** How long `report` waits for room in full queues. */
  readonly roomMs: number;
}

export interface PolicyEngineOptions {
  readonly revision: number;
  readonly objects: Iterable<PolicyObject>;
  readonly adapters: Iterable<Adapter>;
  /** Absent: handlers of adapters outside fail. */
  readonly buildRemote?: BuildRemoteHandler;
  /** Handlers, counters and circuits that did not change are taken from it. It stays usable until it is closed. */
  readonly previous?: PolicyEngine;
  readonly clock: EngineClock;
  /** Its rules speak for all namespaces: `istio-system`. */
  readonly rootNamespace: string;
  readonly limits?: Partial<EngineLimits>;
  /** What is wrong with a handler has changed: `inspect` says what. */
  readonly onHandlerProblem?: () => void;
}

export interface BuiltEngine {
  readonly engine: PolicyEngine;
  /** Of objects that could not be used; the engine goes without them, and their rules fail as they say. */
  readonly problems: readonly PolicyProblem[];
}
