/**
 * What operations ask of the machine that they run on: files, pictures, charts, models, chance and a clock. One contract
 * for Node, a browser, a server's job and tests; what stands behind it is injected.
 */
import type { PictureTools } from '../attacks/index.js'
import type { Profile } from '../autoencoder/profile.js'
import type { Files } from '../checkpoints/files.js'
import type { Hint } from '../core/errors.js'
import type { Solver } from '../diffusion/diffusion.js'
import type { Tensor } from '../math/tensor.js'
import type { DiffusionModel, Model } from '../model/model.js'
import type { Vocabulary } from '../model/vocabulary.js'
import type { PictureSize } from '../restorations/index.js'

/** The path of the host's standard input and output, where it has them. */
export const standardStream = '-'

export interface Host {
  readonly files: HostFiles
  readonly pictures: HostPictures
  readonly models: HostModels
  /** A clock in seconds. */
  now(): number
  /** Bytes of chance that nobody can predict. */
  randomBytes(count: number): Uint8Array
  /** Lets the host hear what happened meanwhile: called between computations that ask nothing of a network. */
  pause(): Promise<void>
}

export type FileContent = Uint8Array | string | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

export interface WriteFilesOptions {
  /** Readable by the owner alone. Default: as the host makes files. */
  readonly ownerOnly?: boolean
}

/** Files to read and to write. Paths are the host's own; errors are `unavailable` and name the path. */
export interface HostFiles extends Files {
  /** The last name of a path; that of the folder which `.` stands for. */
  nameOf(path: string): string
  /** The path of the folder that a file is in. */
  folderOf(path: string): string
  /** Where a file is or would be, links followed: equal for two paths of one file. */
  placeOf(path: string): Promise<string>
  isFolder(path: string): Promise<boolean>
  /** Makes a folder where there is none. What fails here fails again, and is told, where something is written to it. */
  makeFolder(path: string): Promise<void>
  /** Throws what writing to this path would throw; leaves nothing. */
  checkWritable(path: string): Promise<void>
  /** Writes files that belong together: each of them whole, all or none. */
  write(files: Iterable<readonly [path: string, content: FileContent]>, options?: WriteFilesOptions): Promise<void>
  /** Writes a file that must not be there yet: one of those who try it at once succeeds, the others get `bad-option`. */
  writeNew(path: string, content: string, options?: WriteFilesOptions): Promise<void>
  copy(from: string, to: string): Promise<void>
  /** Gives a file another name; it is on the disk under that name when it is done. */
  move(from: string, to: string): Promise<void>
  /** Removes a file; none is no error. */
  remove(path: string): Promise<void>
  /** Opens a file to add to its first `keptBytes`; what stands after them is cut off. */
  grow(path: string, keptBytes: number): Promise<GrowingFile>
  /**
   * Keeps others away from what `name` names, by a file at `path`, until it is released or the process ends. Throws
   * `unavailable` where another process holds it.
   */
  lock(path: string, name: string): Promise<Lock>
}

export interface GrowingFile {
  /** Adds text; it is on the disk when it is done. */
  append(text: string): Promise<void>
  close(): Promise<void>
}

export interface Lock {
  /** May be called again. */
  release(): void
}

export interface ReadPicture {
  /** 3 × height × width, sRGB in [−1, 1]; 4 × height × width where there is an opacity, and it is kept. */
  readonly image: Tensor
  /** What reading changed or did not round, as sentences for people. */
  readonly notes: readonly string[]
  /** What the file says of itself, by keywords: anybody may have written it. */
  readonly texts?: Readonly<Record<string, string>>
  /** Of a channel, where a file of ours would hold fewer. */
  readonly bits?: 16
  /** Kinds of metadata that the file has beside its texts, and that are not read: `EXIF`, `XMP`, `IPTC`. */
  readonly metadata?: readonly string[]
  /** Whose the picture is, as its file says: PNG's texts `Author` and `Copyright`. */
  readonly credits?: { readonly Author?: string; readonly Copyright?: string }
}

/** The size of a picture as it is shown. */
export interface MeasuredSize extends PictureSize {
  /** Whether its pixels are stored otherwise, and are turned upright when it is read. */
  readonly turned?: true
}

export interface ReadPictureOptions {
  /** What shows through where the picture is transparent, or `kept`: opacity is a fourth channel, 2·α − 1. Default white. */
  readonly background?: 'white' | 'black' | 'kept'
}

/** Codecs, and pictures of pictures. Errors: `bad-image` for what cannot be decoded whole. */
export interface HostPictures {
  /** The size that `read` would give, from the header alone. */
  measure(path: string): Promise<MeasuredSize>
  read(path: string, options?: ReadPictureOptions): Promise<ReadPicture>
  /** The size that `decode` would give, from the header alone. */
  measureBytes(bytes: Uint8Array, name: string): Promise<PictureSize>
  /** The picture in the bytes of a file, called `name` in messages. */
  decode(bytes: Uint8Array, name: string, options?: ReadPictureOptions): Promise<ReadPicture>
  /** The bytes of a PNG, 8 bits a channel, with texts by their keywords. A fourth channel is opacity. */
  encode(image: Tensor, texts?: Readonly<Record<string, string>>): Promise<Uint8Array>
  /** The bytes of a PNG: rows of labelled pictures. */
  sheet(rows: readonly (readonly ContactSheetCell[])[], options?: ContactSheetOptions): Promise<Uint8Array>
  /** Whether a file is one that `sheet` made. */
  isSheet(path: string): Promise<boolean>
  /** The text of an SVG. */
  chart(plot: ScatterPlot): Promise<string>
  readonly clips: HostClips
  /** What attacks ask. */
  readonly tools: PictureTools
}

export interface ClipSize extends PictureSize {
  readonly frames: number
}

/** Files that hold several frames. Errors: as pictures; `unavailable` where the host lacks a codec. */
export interface HostClips {
  /** The size that `read` would give. */
  measure(path: string): Promise<ClipSize>
  /** 3 × frames × height × width; a picture is a clip of one frame. */
  read(path: string): Promise<ReadPicture>
  /** The bytes of a clip in the format of this ending: .webp (lossless), .gif or .mp4. */
  encode(clip: Tensor, ending: string): Promise<Uint8Array>
}

export interface ContactSheetCell {
  readonly image: Tensor
  /** One line, or several separated by line feeds; the first is dark, the others are grey. */
  readonly label: string
}

export interface ContactSheetOptions {
  readonly title?: string
  /** Pictures smaller than this are magnified by whole factors, pixel by pixel, up to it. Default 224 pixels. */
  readonly cellSize?: number
}

export interface PlotAxis {
  readonly title: string
  /** A logarithmic axis; its values must be positive. Default false. */
  readonly log?: boolean
}

export interface PlotPoint {
  readonly x: number
  readonly y: number
  /** Ends of an error bar around y. */
  readonly low?: number
  readonly high?: number
  /** Written beside the point. */
  readonly label?: string
}

export interface PlotSeries {
  readonly name: string
  readonly points: readonly PlotPoint[]
  /** Whether a line joins the points, in the order of x. Default false. */
  readonly line?: boolean
  /** Whether its points are outlines, through which those of others are seen. Default false. */
  readonly hollow?: boolean
}

export interface ScatterPlot {
  readonly title: string
  /** Of what, in small letters below the title. */
  readonly subtitle?: string
  readonly x: PlotAxis
  readonly y: PlotAxis
  readonly series: readonly PlotSeries[]
}

export type PrecisionName = '16' | '32' | '64'

/** Which model, and how its networks run. */
export interface ModelSettings {
  /** A bundled model's id or a folder; the host's default without one. */
  readonly model?: string | undefined
  readonly device?: string | undefined
  readonly precision: PrecisionName
  /** Of linear layers, in bits; as they are stored without it. */
  readonly weights?: '8' | '4' | undefined
  readonly lean: boolean
  /** What the values of one network may take, in GiB; the host's default without it. */
  readonly memoryLimit?: number | undefined
  /** A profile's file, or `none`. */
  readonly profile?: string | undefined
  /** The id of the model's family, where its folder does not say it. */
  readonly family?: string | undefined
  /** Of the solvers that the model's folder names. */
  readonly steps?: number | undefined
}

/** Something to know beside the result. */
export interface Note {
  /** The file, picture or model that it is about. */
  readonly about: string
  readonly text: string
  /** Where an app says more. */
  readonly hint?: Hint
}

/** What networks cost. */
export interface NetworkCost {
  /** Inside network runs. */
  readonly networkSeconds: number
  /** Opening networks: reading weights, optimising graphs. */
  readonly openingSeconds: number
  readonly networkRuns: number
  readonly peakMemoryBytes: number
}

/** Something that runs networks, until it is closed. */
export interface Held<M> {
  readonly model: M
  /** What there is to say about how it was opened. */
  readonly notes?: readonly Note[]
  cost(): Promise<NetworkCost>
  /** The same for a copy of its weights, and another one for other weights. */
  identity(): Promise<string>
  close(): Promise<void>
}

/** A model as operations use it. */
export interface OperationModel extends DiffusionModel {
  /** `solver` as text without its steps, where the model's folder names it. */
  readonly solverText?: string
  /** Steps where nothing is said, if they are not those of every solver. */
  readonly defaultSteps?: number
  /** The solver that stands for the model's scheduler, on the grid that the model was published with. */
  readonly schedulerSolver: Solver
  /** The words that it was trained on, where they are known: other words mean nothing to it. */
  readonly vocabulary?: Vocabulary
}

/** Models that a host opens. Errors: `bad-model`, `unsupported`, `unavailable`, as `openDiffusionModel` and the runtime. */
export interface HostModels {
  open(settings: ModelSettings): Promise<Held<OperationModel>>
  /** The autoencoder alone, whose identity is that of its own weights. */
  openAutoencoder(settings: Omit<ModelSettings, 'steps' | 'family' | 'weights'>): Promise<Held<Model>>
  /** Whether a model goes on from the latent to the noise. */
  hasDenoiser(model: string | undefined): Promise<boolean>
  /** Keeps a profile for all who use the same weights, and says where. */
  keepProfile(profile: Profile): Promise<string>
}
