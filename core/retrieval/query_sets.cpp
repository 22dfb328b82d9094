// SPDX-License-Identifier: Apache-2.0
// The part of collections that judges searches: queries with their relevant documents, and evaluations.
#include "core/base/error.h"
#include "core/retrieval/collection_store.h"
#include "core/retrieval/collections.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace fulgurite::retrieval {

namespace {

std::vector<std::string> textsOf(std::string_view json) {
    return nlohmann::json::parse(json).get<std::vector<std::string>>();
}

} // namespace

std::int64_t Collections::Store::querySetOf(std::int64_t collection, const std::string& query_set) {
    const auto id =
        database_.integer("SELECT id FROM query_sets WHERE collection = ?1 AND (CAST(id AS TEXT) = ?2 OR "
                          "name = ?2) ORDER BY CAST(id AS TEXT) = ?2 DESC",
                          collection, query_set);
    if (!id) {
        fail(ErrorKind::NotFound, "the collection has no query set '{}'", query_set);
    }
    return *id;
}

std::int64_t Collections::Store::makeQuerySet(std::int64_t collection, const std::string& name) {
    database_.run("INSERT OR IGNORE INTO query_sets(collection, name) VALUES (?, ?)", collection, name);
    return database_.integer("SELECT id FROM query_sets WHERE collection = ? AND name = ?", collection, name)
        .value();
}

std::vector<StoredQuery> Collections::Store::queries(std::int64_t collection, std::int64_t query_set) {
    // Topics are resolved by topic first, then by title; a title that occurs twice means its last document.
    struct Target {
        std::int32_t number;
        std::string label;
    };
    std::multimap<std::string, Target> by_topic;
    std::map<std::string, Target> by_title;
    Statement documents =
        database_.prepare("SELECT title, label, topic FROM documents WHERE collection = ? ORDER BY id");
    documents.bind(collection);
    for (std::int32_t number = 0; documents.step(); ++number) {
        by_title.insert_or_assign(documents.string(0), Target{number, documents.string(1)});
        if (!documents.text(2).empty()) {
            by_topic.emplace(documents.string(2), Target{number, documents.string(1)});
        }
    }
    std::vector<StoredQuery> queries;
    Statement select =
        database_.prepare("SELECT text, items, prompts FROM queries WHERE query_set = ? ORDER BY id");
    select.bind(query_set);
    while (select.step()) {
        StoredQuery query{select.string(0), textsOf(select.text(1)), {}, {}, textsOf(select.text(2)), 0};
        std::set<std::string> labels;
        const auto add = [&](const Target& target) {
            query.relevant.push_back(target.number);
            labels.insert(target.label);
        };
        for (const std::string& item : query.items) {
            const auto [first, last] = by_topic.equal_range(item);
            std::for_each(first, last, [&](const auto& entry) { add(entry.second); });
            if (first != last) {
                continue;
            }
            if (const auto title = by_title.find(item); title != by_title.end()) {
                add(title->second);
            } else {
                ++query.unresolved;
            }
        }
        query.labels.assign(labels.begin(), labels.end());
        queries.push_back(std::move(query));
    }
    return queries;
}

void Collections::Store::keepQueries(std::int64_t collection, const std::string& name,
                                     const std::vector<SourceQuery>& queries) {
    Transaction transaction(database_);
    const std::int64_t set = makeQuerySet(collection, name);
    database_.run("DELETE FROM queries WHERE query_set = ?", set);
    for (const SourceQuery& query : queries) {
        database_.run("INSERT INTO queries(query_set, text, items, prompts) VALUES (?, ?, ?, ?)", set, query.text,
                      nlohmann::json(query.items).dump(), nlohmann::json(query.prompts).dump());
    }
    transaction.commit();
}

std::vector<StoredQuery> Collections::queries(const std::string& collection, const std::string& query_set) {
    const std::lock_guard lock(store_->mutex);
    const std::int64_t id = store_->idOf(collection);
    return store_->queries(id, store_->querySetOf(id, query_set));
}

std::vector<StoredQuery> Collections::addQuery(const std::string& collection, const std::string& query_set,
                                               const StoredQuery& query) {
    const std::lock_guard lock(store_->mutex);
    Database& database = store_->database();
    const std::int64_t id = store_->idOf(collection);
    std::vector<std::string> items = query.items;
    for (const std::int32_t number : query.relevant) {
        Statement title =
            database.prepare("SELECT title FROM documents WHERE collection = ? ORDER BY id LIMIT 1 OFFSET ?");
        if (!title.bind(id, static_cast<std::int64_t>(number)).step()) {
            fail(ErrorKind::InvalidInput, "the collection has no document {}", number);
        }
        items.push_back(title.string(0));
    }
    Transaction transaction(database);
    const std::int64_t set = store_->makeQuerySet(id, query_set);
    database.run("INSERT INTO queries(query_set, text, items, prompts) VALUES (?, ?, ?, ?)", set, query.text,
                 nlohmann::json(items).dump(), nlohmann::json(query.prompts).dump());
    transaction.commit();
    return store_->queries(id, set);
}

void Collections::keepEvaluation(const std::string& collection, const std::string& record, const std::string& json,
                                 const std::string& matrices) {
    const std::lock_guard lock(store_->mutex);
    store_->database().run(
        "INSERT OR REPLACE INTO evaluations(collection, record, result, matrices) VALUES (?, ?, ?, ?)",
        store_->idOf(collection), record, json, matrices);
}

std::string Collections::evaluationMatrices(const std::string& collection, const std::string& record) {
    const std::lock_guard lock(store_->mutex);
    Statement select =
        store_->database().prepare("SELECT matrices FROM evaluations WHERE collection = ? AND record = ?");
    if (!select.bind(store_->idOf(collection), record).step()) {
        fail(ErrorKind::NotFound, "the collection has no evaluation '{}'", record);
    }
    if (select.text(0).empty()) {
        fail(ErrorKind::NotFound,
             "evaluation {} was made by an earlier version, which did not keep the numbers of each query; evaluate "
             "again",
             record);
    }
    return select.string(0);
}

std::vector<std::string> Collections::evaluations(const std::string& collection) {
    const std::lock_guard lock(store_->mutex);
    Statement select =
        store_->database().prepare("SELECT result FROM evaluations WHERE collection = ? ORDER BY id DESC");
    select.bind(store_->idOf(collection));
    std::vector<std::string> all;
    while (select.step()) {
        all.push_back(select.string(0));
    }
    return all;
}

} // namespace fulgurite::retrieval
