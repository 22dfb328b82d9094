// SPDX-License-Identifier: GPL-3.0-or-later
// A node for tests that plays scripts: quick answers that are the same each time.
#pragma once

#include "core/client/engine_client.h"
#include "tests/unit/scripted_server.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <atomic>
#include <memory>
#include <string>

namespace fulgurite {

inline const char* const kDone =
    R"({"reason":"end_of_sentence","rest":"!","usage":{"prompt_tokens":9,"completion_tokens":7},)"
    R"("timings":{"queue_seconds":0,"prefill_seconds":0.1,"decode_seconds":0.5}})";

// Answers each generation with "<think>hm</think>" and then the words of `answer`, after `delay` ms each.
class FakeNode {
  public:
    FakeNode() : server_([this](const std::string& request) { return route(request); }) {}
    ~FakeNode() { letGo(); }

    std::shared_ptr<client::EngineClient> connect() const {
        return client::connectToNode(client::parseUrl("http://127.0.0.1:" + std::to_string(server_.port())), {});
    }
    static client::EngineInfo info() {
        client::EngineInfo info;
        info.model.id = "ember";
        info.model.max_positions = 32768;
        info.kv_bytes_per_token = 512;
        info.state_bytes = 1 << 20;
        info.memory_limit = 1 << 30;
        info.capabilities = {"chat", "generate", "reentry", "tokenize"};
        return info;
    }
    // Bodies of the generations so far.
    QList<QJsonObject> generations() const {
        QList<QJsonObject> result;
        for (const std::string& request : server_.requests()) {
            if (request.starts_with("POST /fulgurite/v1/generate")) {
                const QByteArray body = QByteArray::fromStdString(request.substr(request.find("\r\n\r\n") + 4));
                result << QJsonDocument::fromJson(body).object();
            }
        }
        return result;
    }

    // The next answer stands behind its thinking until it is let go.
    void holdNext() {
        go_on_ = false;
        hold_next_ = true;
    }
    void letGo() { go_on_ = true; }

    std::atomic<int> delay = 0;
    std::atomic<int> words = 3;
    std::atomic<int> first_id = 10;                        // of the words
    std::string start = R"({"id":"g","prompt_tokens":9})"; // set before anything is asked
    std::atomic<bool> mute = false;                        // closes the connection before the first token
    std::atomic<bool> die = false;                         // closes the connection instead of ending the answer
    std::atomic<bool> reads_on = false;                    // never done with the prompt: stands after 6 of 9 tokens
    std::atomic<int> busy = 0;                             // refuses: it may be asked again after so many seconds

  private:
    using Server = ScriptedServer;

    static std::string token(int id, const char* text, const char* channel) {
        QJsonArray candidates{QJsonArray{id, -0.5, text}, QJsonArray{id + 100, -1.5, "other "}};
        const QJsonObject entry{{"id", id},
                                {"text", text},
                                {"channel", channel},
                                {"logprob", -0.5},
                                {"logprob_after", -0.4},
                                {"rank", 1},
                                {"entropy", 1.0},
                                {"kept", 2},
                                {"kept_mass", 0.9},
                                {"forced", false},
                                {"before", candidates},
                                {"after", candidates}};
        return QJsonDocument(QJsonObject{{"tokens", QJsonArray{entry}}})
            .toJson(QJsonDocument::Compact)
            .toStdString();
    }

    Server::Script route(const std::string& request) {
        if (request.starts_with("POST /fulgurite/v1/generate")) {
            if (busy > 0) {
                std::string refusal =
                    Server::answer(503, "application/json", R"({"error":{"message":"all places are taken"}})");
                refusal.insert(refusal.find("Content-Length"), "Retry-After: " + std::to_string(busy) + "\r\n");
                return {{refusal}};
            }
            return generation();
        }
        if (request.starts_with("POST /fulgurite/v1/tokenize")) {
            return {{Server::answer(200, "application/json", R"({"tokens":[1,2,3],"count":3})")}};
        }
        const QByteArray body = QByteArray::fromStdString(request.substr(request.find("\r\n\r\n") + 4));
        QJsonArray costs;
        for (qsizetype i = 0; i < QJsonDocument::fromJson(body)["sequences"].toArray().size(); ++i) {
            costs.append(QJsonObject{{"tokens", 100}, {"reused", 90}, {"seconds", 0.25}});
        }
        const QByteArray answer = QJsonDocument(QJsonObject{{"costs", costs}}).toJson();
        return {{Server::answer(200, "application/json", answer.toStdString())}};
    }

    Server::Script generation() {
        const std::string prefill = reads_on ? R"({"reused":4,"done":6,"total":9,"tokens_per_second":100})"
                                             : R"({"reused":4,"done":9,"total":9,"tokens_per_second":100})";
        Server::Script script{
            {Server::streamHead() + Server::event("start", start) + Server::event("prefill", prefill)}};
        if (mute) {
            return script;
        }
        if (reads_on) {
            script.push_back({{}, 0, true});
            return script;
        }
        script.push_back({Server::event("token", token(1, "<think>", "marker")), delay});
        script.push_back({Server::event("token", token(2, "hm", "thinking")), delay});
        const std::atomic<bool>* const gate = hold_next_.exchange(false) ? &go_on_ : nullptr;
        script.push_back({Server::event("token", token(3, "</think>", "marker")), delay, false, gate});
        for (int i = 0; i < words; ++i) {
            script.push_back(
                {Server::event("token", token(first_id + i, i % 2 ? "two " : "one ", "answer")), delay});
        }
        if (!die) {
            script.push_back(
                {Server::event("token", token(9, "", "answer")) + Server::event("done", kDone) + "0\r\n\r\n"});
        }
        return script;
    }

    std::atomic<bool> hold_next_ = false;
    std::atomic<bool> go_on_ = true;
    Server server_;
};

} // namespace fulgurite
