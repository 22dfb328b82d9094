// SPDX-License-Identifier: Apache-2.0
#include "core/client/cascade_json.h"

#include "core/base/base64.h"
#include "core/base/json.h"
#include "core/base/json_field.h"

namespace fulgurite::client {

namespace {

using nlohmann::json;

json parse(std::string_view text, const std::string& where) {
    json value = json::parse(text, nullptr, false);
    if (value.is_discarded())
        fail(ErrorKind::InvalidInput, "{}: the answer is not JSON; is this a Fulgurite node?", where);
    return value;
}

std::string textOf(const JsonField& field) {
    return field.string();
}
double numberOf(const JsonField& field) {
    return field.number();
}
std::size_t countOf(const JsonField& field) {
    return field.count();
}
std::int64_t idOf(const JsonField& field) {
    return field.integer(0, INT64_MAX);
}

json stagesJson(const std::vector<CascadeStage>& stages) {
    json list = json::array();
    for (const CascadeStage& stage : stages) {
        json entry{{"encoder", stage.encoder}};
        if (stage.keep)
            entry["keep"] = *stage.keep;
        list.push_back(std::move(entry));
    }
    return list;
}

CascadeStage stageOf(const JsonField& root) {
    CascadeStage stage;
    stage.encoder = root["encoder"].string();
    if (root.has("keep"))
        stage.keep = root["keep"].count();
    return stage;
}

ImageLibrary libraryOf(const JsonField& root) {
    ImageLibrary library;
    library.id = idOf(root["id"]);
    library.name = root["name"].string();
    library.folders = listOf<std::string>(root["folders"], textOf);
    library.images = root["images"].count();
    library.unreadable = root["unreadable"].count();
    library.vector_bytes = root["vector_bytes"].count();
    library.queries = root["queries"].count();
    if (root.has("scan")) {
        const JsonField scan = root["scan"];
        library.scan = LibraryScan{scan["state"].string(), scan["done"].count(), scan["total"].count(),
                                   scan.number("rate", 0), scan.number("seconds_left", 0)};
    }
    if (root.has("message"))
        library.message = root["message"].string();
    return library;
}

ImageEncoder encoderOf(const JsonField& root) {
    ImageEncoder encoder;
    encoder.id = root["id"].string();
    encoder.width = static_cast<int>(root["width"].integer(1, 1 << 20));
    encoder.image_size = static_cast<int>(root["image_size"].integer(1, 1 << 20));
    encoder.patch = static_cast<int>(root["patch"].integer(1, 1 << 20));
    encoder.gflops_image = root["gflops_image"].number();
    encoder.gflops_text = root["gflops_text"].number();
    if (root.has("seconds_image"))
        encoder.seconds_image = root["seconds_image"].number();
    return encoder;
}

UnreadableImage unreadableOf(const JsonField& root) {
    return {root["path"].string(), root["reason"].string()};
}

ImageInfo imageOf(const JsonField& root) {
    ImageInfo image;
    image.id = idOf(root["id"]);
    image.path = root["path"].string();
    image.width = static_cast<int>(root["width"].integer(0, INT32_MAX));
    image.height = static_cast<int>(root["height"].integer(0, INT32_MAX));
    image.bytes = root["bytes"].count();
    image.modified = root["modified"].integer(INT64_MIN, INT64_MAX);
    return image;
}

FallenImage fallenOf(const JsonField& root) {
    return {idOf(root["image"]), root["rank"].count(), root["score"].number()};
}

CascadeStageReport reportOf(const JsonField& root) {
    CascadeStageReport report;
    report.encoder = root["encoder"].string();
    report.in = root["in"].count();
    report.out = root["out"].count();
    report.seconds = root["seconds"].number();
    report.encode_seconds = root["encode_seconds"].number();
    report.flops = root["flops"].number();
    report.encoded = root["encoded"].count();
    report.cached = root["cached"].count();
    if (root.has("cut_score"))
        report.cut_score = root["cut_score"].number();
    report.cold_seconds = root["cold_seconds"].number();
    const JsonField histogram = root["histogram"];
    report.histogram = {histogram["low"].number(), histogram["high"].number(),
                        listOf<std::size_t>(histogram["counts"], countOf)};
    report.fell = listOf<FallenImage>(root["fell"], fallenOf);
    report.top_scores = listOf<double>(root["top_scores"], numberOf);
    return report;
}

CascadeHit hitOf(const JsonField& root) {
    return {idOf(root["image"]), root["path"].string(), root["score"].number(),
            listOf<std::size_t>(root["ranks"], countOf), listOf<double>(root["scores"], numberOf)};
}

CascadeCost costOf(const JsonField& root) {
    return {root["seconds"].number(), root["flops"].number()};
}

LedgerStage ledgerStageOf(const JsonField& root) {
    return {root["encoder"].string(), root["encoded"].count(), costOf(root),
            root["bytes"].count(),    root["share"].number(),  root["touched"].number()};
}

LedgerPoint ledgerPointOf(const JsonField& root) {
    return {idOf(root["query"]), costOf(root), listOf<double>(root["touched"], numberOf)};
}

LedgerEntry ledgerEntryOf(const JsonField& root) {
    LedgerEntry entry;
    entry.kind = root["kind"].string();
    entry.query = idOf(root["query"]);
    entry.time = root["time"].integer(INT64_MIN, INT64_MAX);
    entry.text = root["text"].string();
    entry.stage = static_cast<int>(root["stage"].integer(0, 1 << 16));
    entry.encoder = root["encoder"].string();
    entry.items = root["items"].count();
    entry.cached = root["cached"].count();
    entry.cost = costOf(root);
    entry.bytes = root["bytes"].count();
    return entry;
}

Band bandOf(const JsonField& root) {
    return {root["mean"].number(), root["low"].number(), root["high"].number()};
}

SimulationPoint simulationPointOf(const JsonField& root) {
    return {idOf(root["query"]), bandOf(root["touched"]), bandOf(root["cost"])};
}

RecallRow recallRowOf(const JsonField& root) {
    RecallRow row;
    row.variant = root["variant"].string();
    row.stages = listOf<CascadeStage>(root["stages"], stageOf);
    const JsonField recall = root["recall"];
    recall.expect(recall.value().is_object(), "an object of recalls");
    for (const auto& [k, unused] : recall.value().items()) {
        const JsonField band = recall.at(std::string_view(k));
        row.recall[std::atoi(k.c_str())] = {band.at(std::size_t{0}).number(), band.at(std::size_t{1}).number(),
                                            band.at(std::size_t{2}).number()};
    }
    row.factor = root["factor"].number();
    row.cold_seconds = root["cold_seconds"].number();
    row.ingest_seconds = root["ingest_seconds"].number();
    return row;
}

FrontPoint frontOf(const JsonField& root) {
    return {listOf<std::size_t>(root["keep"], countOf), root["recall1"].number(), root["factor"].number()};
}

} // namespace

std::string libraryBody(const std::string* name, const std::vector<std::string>* folders) {
    json body = json::object();
    if (name)
        body["name"] = *name;
    if (folders)
        body["folders"] = *folders;
    return dumpJson(body);
}

std::string queryBody(const CascadeQuery& query) {
    json terms = json::array();
    for (const CascadeTerm& term : query.terms) {
        json entry{{"weight", term.weight}};
        if (term.image) {
            entry["image"] = *term.image;
        } else if (term.picture) {
            entry["picture"] = toBase64(*term.picture);
            entry["name"] = term.text;
        } else {
            entry["text"] = term.text;
        }
        terms.push_back(std::move(entry));
    }
    return dumpJson({{"terms", std::move(terms)},
                 {"stages", stagesJson(query.stages)},
                 {"limit", query.limit},
                 {"fell", query.fell},
                 {"record", query.record}});
}

std::string simulationBody(const SimulationRequest& request) {
    return dumpJson({{"stages", stagesJson(request.stages)},
                 {"queries", request.queries},
                 {"draw", request.draw},
                 {"exponent", request.exponent},
                 {"fraction", request.fraction},
                 {"seeds", request.seeds}});
}

std::string evaluationBody(const RecallRequest& request) {
    json body{{"stages", stagesJson(request.stages)}, {"limit", request.limit}};
    if (!request.captions.empty())
        body["captions"] = request.captions;
    return dumpJson(body);
}

ImageLibrary readLibrary(std::string_view body, const std::string& where) {
    const json document = parse(body, where);
    return libraryOf(JsonField(document, where));
}

std::vector<ImageLibrary> readLibraries(std::string_view body, const std::string& where) {
    const json document = parse(body, where);
    return listOf<ImageLibrary>(JsonField(document, where)["libraries"], libraryOf);
}

std::vector<ImageEncoder> readEncoders(std::string_view body, const std::string& where) {
    const json document = parse(body, where);
    return listOf<ImageEncoder>(JsonField(document, where)["encoders"], encoderOf);
}

std::vector<UnreadableImage> readUnreadable(std::string_view body, const std::string& where) {
    const json document = parse(body, where);
    return listOf<UnreadableImage>(JsonField(document, where)["files"], unreadableOf);
}

ImageInfo readImage(std::string_view body, const std::string& where) {
    const json document = parse(body, where);
    return imageOf(JsonField(document, where));
}

ImagePage readImages(std::string_view body, const std::string& where) {
    const json document = parse(body, where);
    const JsonField root(document, where);
    return {root["total"].count(), listOf<ImageInfo>(root["images"], imageOf)};
}

CascadeAnswer readCascadeAnswer(std::string_view body, const std::string& where) {
    const json document = parse(body, where);
    const JsonField root(document, where);
    CascadeAnswer answer;
    answer.query = root.has("query") ? idOf(root["query"]) : 0;
    answer.images = root["images"].count();
    answer.seconds = root["seconds"].number();
    answer.text_seconds = root["text_seconds"].number();
    answer.cold_seconds = root["cold_seconds"].number();
    answer.warm_seconds = root["warm_seconds"].number();
    answer.stages = listOf<CascadeStageReport>(root["stages"], reportOf);
    answer.results = listOf<CascadeHit>(root["results"], hitOf);
    return answer;
}

CascadeLedger readLedger(std::string_view body, const std::string& where) {
    const json document = parse(body, where);
    const JsonField root(document, where);
    CascadeLedger ledger;
    ledger.since = root["since"].integer(INT64_MIN, INT64_MAX);
    ledger.queries = root["queries"].count();
    ledger.images = root["images"].count();
    ledger.stages = listOf<LedgerStage>(root["stages"], ledgerStageOf);
    ledger.factor = costOf(root["factor"]);
    ledger.closed = costOf(root["closed"]);
    ledger.fraction = root["closed"]["f"].number();
    ledger.everything = costOf(root["everything"]);
    const JsonField even = root["break_even"];
    if (even.has("query"))
        ledger.break_even = even["query"].number();
    ledger.break_even_fit = even["fit"].string();
    ledger.curve = listOf<LedgerPoint>(root["curve"], ledgerPointOf);
    ledger.entries = listOf<LedgerEntry>(root["entries"], ledgerEntryOf);
    return ledger;
}

Simulation readSimulation(std::string_view body, const std::string& where) {
    const json document = parse(body, where);
    const JsonField root(document, where);
    return {root["unit"].string() == "FLOP", root["everything"].number(),
            listOf<SimulationPoint>(root["curve"], simulationPointOf),
            listOf<SimulationPoint>(root["closed"], simulationPointOf)};
}

RecallReport readEvaluation(std::string_view body, const std::string& where) {
    const json document = parse(body, where);
    const JsonField root(document, where);
    return {root["captions"].count(), root["reference"].string(), listOf<RecallRow>(root["rows"], recallRowOf),
            listOf<FrontPoint>(root["front"], frontOf)};
}

} // namespace fulgurite::client
