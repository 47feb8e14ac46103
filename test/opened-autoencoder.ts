/** A folder's autoencoder for tests that ask it for one picture at a time. */
import type { Autoencoder } from '../src/autoencoder/index.js'
import type { Runtime } from '../src/graph/runtime.js'
import { autoencoderOf } from '../src/model/index.js'
import type { AutoencoderNetworks } from '../src/models/autoencoder/networks.js'
import { type AutoencoderOptions, type OpenAutoencoder, openAutoencoder } from '../src/models/autoencoder/sessions.js'

export interface OpenedAutoencoder extends Omit<Autoencoder, 'pullback'> {
  readonly pullback: NonNullable<Autoencoder['pullback']>
  readonly model: OpenAutoencoder
  close(): Promise<void>
}

export function openedAutoencoder(
  networks: AutoencoderNetworks,
  runtime: Runtime,
  options: AutoencoderOptions = {},
): OpenedAutoencoder {
  const model = openAutoencoder(networks, runtime, options)
  const single = autoencoderOf(model)
  return { ...single, pullback: single.pullback!, model, close: () => model.close() }
}
