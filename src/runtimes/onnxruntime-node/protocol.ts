/**
 * What the host and the process that runs the networks say to each other. One request at a time, each answered once.
 * Types only: ort-child.js answers, network-process.ts asks.
 */
import type { PackedTensor } from '../shared/packed.js'

/** A model file with its weights beside it, or both as bytes: `weights` are then read into memory under their names. */
export type ModelSource =
  | { readonly path: string }
  | { readonly bytes: Uint8Array; readonly weights: readonly { readonly name: string; readonly file: string }[] }

export interface Requests {
  /** Which devices ONNX Runtime was built with; `bundled` ones need no further libraries from it. */
  readonly describe: {
    readonly ask: Record<string, never>
    readonly answer: readonly { readonly name: string; readonly bundled: boolean }[]
  }
  readonly open: {
    readonly ask: {
      readonly session: number
      readonly source: ModelSource
      readonly device: string
      readonly threads: number
      readonly lean: boolean
      /** Leave weights mapped from their file, as they lie there. */
      readonly mapped: boolean
      /** Widen weights of 16 bits in each run, not once and for all. */
      readonly widening: boolean
    }
    readonly answer: undefined
  }
  /** Keeps a value until it is dropped. */
  readonly hold: {
    readonly ask: { readonly held: number; readonly value: PackedTensor }
    readonly answer: undefined
  }
  readonly drop: {
    readonly ask: { readonly held: number }
    readonly answer: undefined
  }
  readonly run: {
    readonly ask: {
      readonly session: number
      readonly feeds: Readonly<Record<string, PackedTensor>>
      /** Which values that are held are fed as well, from this run on; absent where they are those of the run before. */
      readonly held?: Readonly<Record<string, number>> | undefined
    }
    readonly answer: { readonly outputs: Readonly<Record<string, PackedTensor>>; readonly seconds: number }
  }
  readonly release: {
    readonly ask: { readonly session: number }
    readonly answer: undefined
  }
}

export type RequestName = keyof Requests
export type Ask<K extends RequestName> = Requests[K]['ask']
export type Answer<K extends RequestName> = Requests[K]['answer']

export interface Request<K extends RequestName = RequestName> {
  readonly name: K
  readonly ask: Ask<K>
}

/** What the process has taken of memory at most, and of processor time for this answer. */
export interface Taken {
  readonly peakMemoryBytes: number
  readonly processorSeconds: number
}

export type Reply = Taken & ({ readonly answer: Answer<RequestName> } | { readonly failure: string })
