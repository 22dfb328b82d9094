// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/ui/retrieve_sample.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <random>

namespace fulgurite::test {

namespace {

constexpr std::array kLabels{"swords", "buildings", "dogs", "ships", "elements"};

} // namespace

std::shared_ptr<client::SearchReply> workedExample() {
    auto reply = std::make_shared<client::SearchReply>();
    client::StrategyResult standard;
    standard.strategy = "standard";
    standard.kind = "distance";
    standard.documents = {1, 0, 2, 3};
    standard.values = {0.05, 0.3, 0.45, 1.6};
    client::StrategyResult mrag;
    mrag.strategy = "mrag";
    mrag.kind = "votes";
    mrag.lists = {.heads = 2,
                  .depth = 4,
                  .documents = {1, 0, 2, 3, 2, 1, 0, 3},
                  .distances = {0.04f, 0.2f, 0.4f, 1.8f, 0.051317f, 0.105573f, 0.552786f, 1.447214f},
                  .scores = {0.775, 1.2613737822}};
    client::StrategyResult fusion;
    fusion.strategy = "fusion";
    fusion.kind = "unavailable";
    fusion.reason = "no prompts";
    reply->results = {standard, mrag, fusion};
    for (std::int32_t document = 0; document < 4; ++document) {
        reply->passages[document] = {0, 0, 9, "passage " + std::to_string(document)};
    }
    return reply;
}

std::shared_ptr<client::DocumentColumns> workedTitles() {
    auto columns = std::make_shared<client::DocumentColumns>();
    columns->total = 4;
    columns->titles = {"Alpha", "The Beta (letter)", "Gamma", "Delta"};
    columns->labels = {"vowels", "others", "others", "others"};
    columns->characters = {10, 20, 30, 40};
    return columns;
}

std::shared_ptr<client::SearchReply> randomReply(std::size_t documents, std::size_t heads, std::size_t depth,
                                                 std::uint32_t seed) {
    std::mt19937 random(seed);
    auto reply = std::make_shared<client::SearchReply>();
    // Heads look at overlapping parts, as real ones do: the documents of the front are named most.
    std::geometric_distribution<std::int32_t> far(3.0 / static_cast<double>(documents));
    const auto draw = [&] { return std::min(far(random), static_cast<std::int32_t>(documents) - 1); };
    for (const char* name : {"standard", "split", "mrag"}) {
        client::StrategyResult result;
        result.strategy = name;
        if (result.strategy == "standard") {
            result.kind = "distance";
            for (std::int32_t i = 0; i < 200; ++i) {
                result.documents.push_back(i * 7 % static_cast<std::int32_t>(documents));
                result.values.push_back(0.1 + 0.001 * i);
            }
            reply->results.push_back(result);
            continue;
        }
        result.kind = "votes";
        result.lists.heads = heads;
        result.lists.depth = depth;
        for (std::size_t head = 0; head < heads; ++head) {
            std::vector<std::int32_t> nearest;
            while (nearest.size() < depth) {
                const std::int32_t document = draw() % 500;
                if (std::find(nearest.begin(), nearest.end(), document) == nearest.end()) {
                    nearest.push_back(document);
                }
            }
            result.lists.documents.insert(result.lists.documents.end(), nearest.begin(), nearest.end());
            for (std::size_t rank = 0; rank < depth; ++rank) {
                result.lists.distances.push_back(0.1f + 0.01f * static_cast<float>(rank));
            }
            result.lists.scores.push_back(0.2 + 0.01 * static_cast<double>(random() % 100));
        }
        reply->results.push_back(result);
    }
    for (std::int32_t document = 0; document < 500; ++document) {
        reply->passages[document] = {0, 0, 60,
                                     "The passage that was found in document " + std::to_string(document)};
    }
    return reply;
}

std::shared_ptr<client::DocumentColumns> randomTitles(std::size_t documents) {
    auto columns = std::make_shared<client::DocumentColumns>();
    columns->total = documents;
    for (std::size_t i = 0; i < documents; ++i) {
        columns->titles.push_back("Document number " + std::to_string(i * 7919 % documents));
        columns->labels.emplace_back(kLabels[i % kLabels.size()]);
        columns->characters.push_back(500 + i % 3000);
    }
    return columns;
}

std::shared_ptr<client::HeadStatistics> randomStatistics(std::size_t heads, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> share(0, 1);
    auto statistics = std::make_shared<client::HeadStatistics>();
    for (std::size_t head = 0; head < heads; ++head) {
        statistics->norms.push_back(1 + share(random));
        statistics->spreads.push_back(share(random));
        statistics->scores.push_back(statistics->norms.back() * statistics->spreads.back());
        client::Separation best;
        best.label = kLabels[head % kLabels.size()];
        best.auc = 0.6 + 0.4 * share(random);
        best.standard_auc = 0.5 + 0.3 * share(random);
        best.documents = 50;
        statistics->separates.push_back({best});
    }
    return statistics;
}

std::shared_ptr<client::Projection> randomProjection(int head, std::size_t documents, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> spread(0, 1);
    auto projection = std::make_shared<client::Projection>();
    projection->head = head;
    for (std::size_t i = 0; i < documents; ++i) {
        const auto group = static_cast<float>(i % kLabels.size());
        projection->x.push_back(spread(random) * 0.4f + group);
        projection->y.push_back(spread(random) * 0.4f + (group == 3 ? 2.0f : 0.0f));
    }
    projection->explained = {0.4, 0.2};
    projection->query = {1.0f, 0.5f};
    return projection;
}

} // namespace fulgurite::test
