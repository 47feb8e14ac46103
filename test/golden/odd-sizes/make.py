"""What diffusers answers at latents whose sides are no multiples of 2^(levels - 1).

    HF_HUB_OFFLINE=1 python make.py

reads the miniatures ../pipelines/sd1, sd2 and sdxl and writes <name>.safetensors and NOTE.md beside itself.
"""
import json
import pathlib

import diffusers
import torch
import transformers
from diffusers import DDIMScheduler, DiffusionPipeline
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

SIZES = [(5, 9), (7, 6), (17, 16)]
PROMPT, NEGATIVE = "a red boat on the quiet lake, oil painting", "dark clouds"
# Pipelines ask for pictures of multiples of 8: latents of 10 x 18, whose 10 is halved to 5 and 3, and of 5 x 9 for sd2.
PICTURE, STEPS, WEIGHT = (40, 72), 4, 3.0


def off(ours, exact):
    return float((ours.double() - exact).abs().max() / exact.abs().max())


def evaluate(unet, feeds, cotangent, dtype):
    unet = unet.to(dtype)
    leaves = {name: value.to(dtype).requires_grad_() for name, value in feeds.items() if name != "timestep"}
    added = {name: leaves[name] for name in ("text_embeds", "time_ids") if name in leaves}
    out = unet(
        leaves["sample"], feeds["timestep"], leaves["encoder_hidden_states"], added_cond_kwargs=added or None
    ).sample
    wrt = [name for name in leaves if name != "time_ids"]
    gradients = torch.autograd.grad((out * cotangent.to(dtype)).sum(), [leaves[name] for name in wrt])
    unet.to(torch.float32)
    return out.detach(), dict(zip(wrt, gradients))


def network(pipe, generator, sides):
    unet = pipe.unet
    draw = lambda *shape: torch.randn(shape, generator=generator)
    feeds = {
        "sample": draw(2, unet.config.in_channels, *sides),
        "timestep": torch.tensor([601]),
        "encoder_hidden_states": draw(2, 11, unet.config.cross_attention_dim),
    }
    if unet.config.addition_embed_type == "text_time":
        height, width = (side * pipe.vae_scale_factor for side in sides)
        feeds["text_embeds"] = draw(2, pipe.text_encoder_2.config.projection_dim)
        feeds["time_ids"] = torch.tensor([[height, width, 0, 0, height, width]] * 2, dtype=torch.float32)
    cotangent = draw(2, unet.config.out_channels, *sides)
    out, gradients = evaluate(unet, feeds, cotangent, torch.float32)
    exact, exact_gradients = evaluate(unet, feeds, cotangent, torch.float64)
    own = max(off(gradients[name], exact_gradients[name]) for name in gradients)
    found = {**feeds, "output": out, "cotangent": cotangent}
    found.update({f"grad_{name}": value for name, value in gradients.items()})
    key = f"net.{sides[0]}x{sides[1]}"
    return {f"{key}.{name}": value for name, value in found.items()}, off(out, exact), own


def autoencoder(pipe, generator, sides):
    vae = pipe.vae
    height, width = (side * pipe.vae_scale_factor for side in sides)
    image = torch.rand((1, 3, height, width), generator=generator) * 2 - 1
    z = torch.randn((1, vae.config.latent_channels, *sides), generator=generator).requires_grad_()
    decoded = vae.decode(z).sample
    (gradient,) = torch.autograd.grad(((decoded - image) ** 2).sum(), z)
    key = f"vae.{sides[0]}x{sides[1]}"
    return {
        f"{key}.image": image,
        f"{key}.mean": vae.encode(image).latent_dist.mean.detach(),
        f"{key}.z": z.detach(),
        f"{key}.decoded": decoded.detach(),
        f"{key}.grad_z": gradient,
    }


def generation(pipe, generator):
    height, width = PICTURE
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config, clip_sample=False)
    noise = torch.randn(
        (1, pipe.unet.config.in_channels, *(side // pipe.vae_scale_factor for side in PICTURE)), generator=generator
    )
    rows = []

    def keep(_, step, time, values):
        rows.append(values["latents"].clone())
        return values

    image = pipe(
        PROMPT, negative_prompt=NEGATIVE, height=height, width=width, num_inference_steps=STEPS,
        guidance_scale=WEIGHT, latents=noise.clone(), output_type="pt", callback_on_step_end=keep,
    ).images
    return {"gen.noise": noise, "gen.latents": torch.cat(rows), "gen.image": image}


lines = []
for number, name in enumerate(["sd1", "sd2", "sdxl"]):
    pipe = DiffusionPipeline.from_pretrained(here.parent / "pipelines" / name, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(20261129 + number)
    tensors, own = {}, {}
    for sides in SIZES:
        found, error, gradient = network(pipe, generator, sides)
        tensors.update(found)
        size = f"{sides[0]}x{sides[1]}"
        own[size] = gradient
        lines.append(f"| `{name}` | {size.replace('x', '×')} | {error:.1e} | {gradient:.1e} |")
    for sides in SIZES[:2]:
        tensors.update(autoencoder(pipe, generator, sides))
    with torch.no_grad():
        tensors.update(generation(pipe, generator))
    said = {"prompt": PROMPT, "negative": NEGATIVE, "guidance": WEIGHT, "steps": STEPS, "gradientErrors": json.dumps(own)}
    file = here / f"{name}.safetensors"
    whole = {key: value.contiguous() for key, value in sorted(tensors.items())}
    save_file(whole, file, metadata={key: str(value) for key, value in said.items()})
    file.chmod(0o644)

(here / "NOTE.md").write_text(f"""# Sides that the networks' halvings do not divide

`make.py` asks the miniatures `sd1`, `sd2` and `sdxl` of `../pipelines` at latents of 5×9, 7×6 and 17×16 (height × width). Their
UNets halve twice: 5 becomes 3 and 2. diffusers then enlarges to the size of the skip connection (`forward_upsample_size`).

| key | meaning |
| --- | --- |
| `net.<height>x<width>.*` | one evaluation with batch 2: feeds by the network's own argument names, `output`, a random `cotangent`, and `grad_<feed>`: sum(output·cotangent) differentiated |
| `vae.<height>x<width>.*` | `image` in [-1, 1] and the encoder's `mean`; `z`, unscaled, `decoded`, and `grad_z`: the gradient of sum((decoded − image)²) |
| `gen.*` | the whole pipeline with DDIMScheduler.from_config of the folder's scheduler, clip_sample false, at {PICTURE[0]}×{PICTURE[1]} pixels (latents of 10×18, of `sd2` 5×9): `noise`, `latents` after each step, `image` in [0, 1] |
| metadata | `prompt`, `negative`, `guidance` and `steps` of the generation; `gradientErrors`, JSON by size: torch's own float32 error of the gradients |

Float32 to float64, largest difference relative to the largest value:

| folder | latent | network | gradients of the network |
| --- | --- | --- | --- |
{chr(10).join(lines)}

Written with torch {torch.__version__}, diffusers {diffusers.__version__}, transformers {transformers.__version__}.
""")
print(json.dumps(lines, indent=1))
