// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/conversation/request_builder.h"

#include "ui/conversation/recipe_text.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>

namespace fulgurite {

namespace {

QJsonObject samplerObject(const SamplerSettings& settings) {
    QJsonArray bias;
    for (const LogitBias& each : settings.logit_bias) {
        bias.append(QJsonObject{{"id", each.id}, {"text", each.text}, {"bias", each.bias}, {"model", each.model}});
    }
    QJsonObject result{{"temperature", settings.temperature},
                       {"top_p", settings.top_p},
                       {"top_k", settings.top_k},
                       {"min_p", settings.min_p},
                       {"repetition_penalty", settings.repetition_penalty},
                       {"presence_penalty", settings.presence_penalty},
                       {"frequency_penalty", settings.frequency_penalty},
                       {"max_tokens", settings.max_tokens},
                       {"thinking_budget", settings.thinking_budget},
                       {"repetition_run", settings.repetition_run},
                       {"repetition_probability", settings.repetition_probability},
                       {"stop_strings", QJsonArray::fromStringList(settings.stop_strings)},
                       {"logit_bias", bias}};
    if (settings.seed) {
        // As text: JSON numbers hold 53 bits.
        result.insert("seed", QString::number(*settings.seed));
    }
    return result;
}

client::Sampling samplingOf(const SamplerSettings& settings, std::uint64_t seed, const QString& model) {
    client::Sampling result;
    result.temperature = settings.temperature;
    result.top_k = settings.top_k;
    result.top_p = settings.top_p;
    result.min_p = settings.min_p;
    result.repetition_penalty = settings.repetition_penalty;
    result.presence_penalty = settings.presence_penalty;
    result.frequency_penalty = settings.frequency_penalty;
    result.seed = seed;
    for (const LogitBias& each : settings.logit_bias) {
        if (each.model.isEmpty() || each.model == model) {
            result.logit_bias[each.id] = each.bias;
        }
    }
    return result;
}

client::Stopping stoppingOf(const SamplerSettings& settings, bool raw) {
    client::Stopping result;
    result.max_tokens = settings.max_tokens;
    result.thinking_budget = raw ? 0 : settings.thinking_budget;
    result.repetition_run = settings.repetition_run;
    result.repetition_probability = settings.repetition_probability;
    for (const QString& each : settings.stop_strings) {
        result.strings.push_back(each.toStdString());
    }
    return result;
}

QJsonObject recordOf(const Node& node) {
    return QJsonDocument::fromJson(QByteArray::fromStdString(node.request)).object();
}

std::vector<Node> ancestors(ConversationStore& store, std::optional<NodeId> at) {
    std::vector<Node> result;
    while (at) {
        result.push_back(store.node(*at));
        at = result.back().parent;
    }
    std::reverse(result.begin(), result.end());
    return result;
}

// All that the model wrote, the marks around its thinking included.
std::string tokenText(Workspace& workspace, const Node& node) {
    std::string result;
    for (const TokenInfo& token : workspace.tokens().read(node.id, 0, node.tokens, TokenDetail::Summary)) {
        result += token.text;
    }
    return result;
}

client::Prompt promptOf(Workspace& workspace, const Conversation& conversation, const std::vector<Node>& path,
                        const EngineAbilities& engine) {
    if (conversation.raw) {
        client::RawText raw;
        for (const Node& node : path) {
            raw.text += node.tokens > 0 ? tokenText(workspace, node) : node.content;
        }
        return raw;
    }
    std::vector<client::ChatMessage> messages;
    if (!conversation.system_prompt.empty()) {
        messages.push_back({"system", conversation.system_prompt, {}});
    }
    for (const Node& node : path) {
        client::ChatMessage message{
            node.role == MessageRole::Prompt ? "user" : nameOf(node.role), node.content, {}};
        if (node.role == MessageRole::Assistant && node.tokens > 0 && idsFit(node, engine)) {
            message.tokens = workspace.tokens().ids(node.id);
        }
        messages.push_back(std::move(message));
    }
    return messages;
}

} // namespace

QByteArray toJson(const SamplerSettings& settings) {
    return QJsonDocument(samplerObject(settings)).toJson(QJsonDocument::Compact);
}

SamplerSettings samplerFromJson(const QByteArray& json, const SamplerSettings& otherwise) {
    const QJsonObject object = QJsonDocument::fromJson(json).object();
    SamplerSettings result = otherwise;
    const auto real = [&object](const char* key, double& value) {
        value = object[QLatin1String(key)].toDouble(value);
    };
    const auto whole = [&object](const char* key, int& value) { value = object[QLatin1String(key)].toInt(value); };
    real("temperature", result.temperature);
    real("top_p", result.top_p);
    whole("top_k", result.top_k);
    real("min_p", result.min_p);
    real("repetition_penalty", result.repetition_penalty);
    real("presence_penalty", result.presence_penalty);
    real("frequency_penalty", result.frequency_penalty);
    whole("max_tokens", result.max_tokens);
    whole("thinking_budget", result.thinking_budget);
    whole("repetition_run", result.repetition_run);
    real("repetition_probability", result.repetition_probability);
    for (const QJsonValue& each : object["stop_strings"].toArray()) {
        result.stop_strings << each.toString();
    }
    for (const QJsonValue& each : object["logit_bias"].toArray()) {
        result.logit_bias << LogitBias{each["id"].toInt(), each["text"].toString(), each["bias"].toDouble(),
                                       each["model"].toString()};
    }
    bool ok = false;
    const std::uint64_t seed = object["seed"].toString().toULongLong(&ok);
    if (ok) {
        result.seed = seed;
    }
    return result;
}

SamplerSettings recommendedSettings(const SamplingDefaults& model) {
    SamplerSettings settings;
    settings.temperature = model.temperature.value_or(settings.temperature);
    settings.top_p = model.top_p.value_or(settings.top_p);
    settings.top_k = model.top_k.value_or(settings.top_k);
    settings.min_p = model.min_p.value_or(settings.min_p);
    settings.repetition_penalty = model.repetition_penalty.value_or(settings.repetition_penalty);
    return settings;
}

QByteArray requestRecord(const SamplerSettings& settings, std::uint64_t seed, const QString& system_prompt,
                         const EngineAbilities& engine, const InterventionRecipe& intervention) {
    SamplerSettings used = settings;
    used.seed = seed;
    QJsonObject record{{"sampler", samplerObject(used)},
                       {"system_prompt", system_prompt},
                       {"model", engine.model},
                       {"token_ids", engine.takes_tokens}};
    if (!intervention.empty()) {
        record.insert("intervention", recipeObject(intervention));
    }
    return QJsonDocument(record).toJson(QJsonDocument::Compact);
}

bool hasTokenIds(const Node& node) {
    return recordOf(node)["token_ids"].toBool(true);
}

bool idsFit(const Node& node, const EngineAbilities& engine) {
    return engine.takes_tokens && hasTokenIds(node) && node.model == engine.model.toStdString();
}

void requireToGoOn(const Node& node, const EngineAbilities& engine) {
    if (engine.takes_tokens && !idsFit(node, engine)) {
        const std::string author = node.model.empty() ? "another program" : node.model;
        fail(ErrorKind::Unsupported,
             "This answer was written by {}, and the engine has {} now, to which its tokens mean something else. "
             "Regenerate the answer, or choose a node that has {}.",
             author, engine.model.toStdString(), author);
    }
}

SamplerSettings recordedSampler(const Node& node) {
    return samplerFromJson(QJsonDocument(recordOf(node)["sampler"].toObject()).toJson(QJsonDocument::Compact));
}

InterventionRecipe recordedIntervention(const Node& node) {
    return readRecipeObject(recordOf(node)["intervention"].toObject());
}

QByteArray withInterventionFrom(const QByteArray& record, std::size_t position) {
    QJsonObject object = QJsonDocument::fromJson(record).object();
    InterventionRecipe recipe = recipeFromObject(object["intervention"].toObject());
    recipe.from_answer = false;
    recipe.intervention.from = position;
    object["intervention"] = recipeObject(recipe);
    return QJsonDocument(object).toJson(QJsonDocument::Compact);
}

client::GenerateRequest buildRequest(Workspace& workspace, ConversationId conversation,
                                     const std::optional<NodeId>& parent, const SamplerSettings& settings,
                                     std::uint64_t seed, const EngineAbilities& engine,
                                     const std::optional<NodeId>& answer, std::size_t kept) {
    const Conversation about = workspace.conversations().conversation(conversation);
    client::GenerateRequest request;
    const std::vector<Node> path = ancestors(workspace.conversations(), parent);
    request.prompt = promptOf(workspace, about, path, engine);
    request.sampling = samplingOf(settings, seed, engine.model);
    request.stopping = stoppingOf(settings, about.raw);
    request.alternatives = engine.alternatives;
    if (answer && kept > 0) {
        requireToGoOn(workspace.conversations().node(*answer), engine);
        request.continue_tokens = workspace.tokens().ids(*answer);
        request.continue_tokens.resize(std::min(kept, request.continue_tokens.size()));
    }
    if (answer) {
        request.intervention = recordedIntervention(workspace.conversations().node(*answer));
    }
    for (auto node = path.rbegin(); node != path.rend() && request.intervention.empty(); ++node) {
        request.intervention = recordedIntervention(*node);
    }
    return request;
}

client::GenerateRequest wholeRequest(Workspace& workspace, NodeId id, const EngineAbilities& engine) {
    const Node node = workspace.conversations().node(id);
    const bool by_tokens = node.tokens > 0 && idsFit(node, engine);
    return buildRequest(workspace, node.conversation, by_tokens ? node.parent : std::optional(id), {}, 0, engine,
                        by_tokens ? std::optional(id) : std::nullopt, node.tokens);
}

} // namespace fulgurite
