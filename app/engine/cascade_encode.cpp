// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine cascade encode`: vectors of images and texts from any CLIP folder, for files and checks from
// outside.
#include "app/engine/cascade.h"
#include "core/base/elapsed.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/cascade/clip/clip_model.h"
#include "core/checkpoint/safetensors.h"

#include <fmt/core.h>
#include <memory>
#include <nlohmann/json.hpp>

namespace fulgurite::app {

namespace {

struct EncodeOptions {
    std::string model;
    std::vector<std::string> images;
    std::string text;
    std::string prefix;
    std::string out;
    std::size_t threads = 0;
    std::size_t repeats = 1;
    bool orientation = false;
    bool json = false;
};

// Images that are decoded before they are encoded together.
constexpr std::size_t kBatch = 32;

// What one tower did: its declared and its measured cost.
struct Report {
    std::size_t items = 0;
    double flops = 0;           // by the closed form, of all items
    double seconds = 0;         // in the tower, the best of the repeats
    double prepare_seconds = 0; // reading, decoding, resizing; or tokenizing

    nlohmann::json json() const {
        return {{"items", items},
                {"flops", flops},
                {"seconds", seconds},
                {"prepare_seconds", prepare_seconds},
                {"gflops_per_second", seconds > 0 ? flops / seconds / 1e9 : 0.0}};
    }
    void print(const char* name) const {
        if (items > 0) {
            const auto n = static_cast<double>(items);
            fmt::print("{:5}  {} x {:.4f} GFLOP  {:.3f} ms each, {:.1f} GFLOP/s  (before: {:.3f} ms each)\n", name,
                       items, flops / n / 1e9, seconds / n * 1e3, flops / seconds / 1e9, prepare_seconds / n * 1e3);
        }
    }
};

// Runs `work` `repeats` times and adds the best time.
template <class Work>
void timed(Report& report, std::size_t repeats, const Work& work) {
    double best = 1e300;
    for (std::size_t i = 0; i < repeats; ++i) {
        const auto start = Clock::now();
        work();
        best = std::min(best, secondsSince(start));
    }
    report.seconds += best;
}

std::vector<float> encodeImages(const clip::ClipModel& model, const EncodeOptions& options,
                                clip::ClipRuntime& runtime, Report& report) {
    std::vector<float> vectors(options.images.size() * model.width());
    std::vector<float> pixels(kBatch * model.pixelCount());
    const auto rotation = options.orientation ? image::Rotation::Orientation : image::Rotation::AsStored;
    for (std::size_t first = 0; first < options.images.size(); first += kBatch) {
        const std::size_t count = std::min(kBatch, options.images.size() - first);
        const auto start = Clock::now();
        for (std::size_t i = 0; i < count; ++i) {
            const std::string& file = options.images[first + i];
            const auto bytes = image::readImageFile(file);
            model.preprocess(image::decodeImage(bytes, file, rotation), &pixels[i * model.pixelCount()]);
        }
        report.prepare_seconds += secondsSince(start);
        timed(report, options.repeats,
              [&] { model.encodePixels(pixels.data(), count, &vectors[first * model.width()], runtime); });
    }
    report.items = options.images.size();
    report.flops = clip::imageFlops(model.config()) * static_cast<double>(report.items);
    return vectors;
}

// One text per line; the line's number is the row's.
std::vector<std::string> readLines(const std::string& file) {
    const std::string content = readTextFile(file);
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < content.size();) {
        const std::size_t end = std::min(content.find('\n', at), content.size());
        const std::size_t last = end > at && content[end - 1] == '\r' ? end - 1 : end;
        lines.push_back(content.substr(at, last - at));
        at = end + 1;
    }
    return lines;
}

std::vector<float> encodeTexts(const clip::ClipModel& model, const EncodeOptions& options,
                               clip::ClipRuntime& runtime, Report& report) {
    const auto start = Clock::now();
    std::vector<TokenIds> texts;
    for (const std::string& line : readLines(options.text)) {
        texts.push_back(model.tokenize(options.prefix + line));
        report.flops += clip::textFlops(model.config(), texts.back().size());
    }
    report.prepare_seconds = secondsSince(start);
    report.items = texts.size();
    std::vector<float> vectors(texts.size() * model.width());
    timed(report, options.repeats, [&] { model.encodeTexts(texts, vectors.data(), runtime); });
    return vectors;
}

void writeVectors(const EncodeOptions& options, std::size_t width, const std::vector<float>* image,
                  const std::vector<float>* text) {
    SafetensorsWriter writer(options.out);
    for (const auto& [name, vectors] : {std::pair{"image", image}, {"text", text}}) {
        if (vectors != nullptr) {
            writer.declare(name, DType::F32,
                           {static_cast<std::int64_t>(vectors->size() / width), static_cast<std::int64_t>(width)});
        }
    }
    for (const auto* vectors : {image, text}) {
        if (vectors != nullptr) {
            writer.append(std::as_bytes(std::span(*vectors)));
        }
    }
    writer.finish();
}

void encode(const EncodeOptions& options) {
    if (options.images.empty() && options.text.empty()) {
        fail(ErrorKind::InvalidInput, "nothing to encode: give --image FILE or --text FILE");
    }
    const auto model = clip::ClipModel::load(options.model);
    kernels::ThreadPool pool(options.threads);
    clip::ClipRuntime runtime(pool);
    Report images;
    Report texts;
    std::vector<float> image_vectors;
    std::vector<float> text_vectors;
    if (!options.images.empty()) {
        image_vectors = encodeImages(*model, options, runtime, images);
    }
    if (!options.text.empty()) {
        text_vectors = encodeTexts(*model, options, runtime, texts);
    }
    writeVectors(options, model->width(), options.images.empty() ? nullptr : &image_vectors,
                 options.text.empty() ? nullptr : &text_vectors);
    if (options.json) {
        fmt::print("{}\n", nlohmann::json{{"model", options.model},
                                          {"hash", model->hash()},
                                          {"width", model->width()},
                                          {"kernels", runtime.ops.common.name},
                                          {"threads", pool.size()},
                                          {"image", images.json()},
                                          {"text", texts.json()}}
                               .dump());
        return;
    }
    fmt::print("{}  width {}, {}, {} thread(s), written to {}\n", options.model, model->width(),
               runtime.ops.common.name, pool.size(), options.out);
    images.print("image");
    texts.print("text");
}

} // namespace

void addCascadeEncode(CLI::App& cascade) {
    auto options = std::make_shared<EncodeOptions>();
    CLI::App* command = cascade.add_subcommand("encode", "Vectors of images and texts from a CLIP folder");
    command->add_option("--model", options->model, "Folder of a CLIP model in Hugging Face form")->required();
    command->add_option("--image", options->images, "JPEG, PNG or WebP files, one row of `image` each");
    command->add_option("--text", options->text, "File with one text on each line, one row of `text` each");
    command->add_option("--prefix", options->prefix, "Put before every text, such as \"a photo of \"");
    command->add_flag("--orientation", options->orientation, "Turn images as their EXIF says; CLIP does not");
    command->add_option("--out", options->out, "Safetensors file: image, text F32 [n, width], rows of length 1")
        ->required();
    command->add_option("--threads", options->threads, "Computing threads; 0 takes one for each core");
    command->add_option("--repeats", options->repeats, "Encode so often and report the best time")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    command->add_flag("--json", options->json, "Declared and measured cost as one JSON object");
    command->footer(
        "Examples:\n"
        "  fulgurite-engine cascade encode --model DIR --image a.jpg b.png --out vectors.safetensors\n"
        "  fulgurite-engine cascade encode --model DIR --text captions.txt --out texts.safetensors --json");
    command->callback([options] { encode(*options); });
}

} // namespace fulgurite::app
