import type { HandlerContext } from './implementation.ts';

/** A handler whose types have been checked by Implementation<D> and are gone at run time. */
export type AnyHandler = (input: unknown, context: HandlerContext) => unknown;
