// SPDX-License-Identifier: Apache-2.0
#include "core/client/state_move.h"

#include "core/base/base64.h"
#include "core/base/json_field.h"
#include "core/client/engine_json.h"
#include "core/client/node_api.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

namespace fulgurite::client {

namespace {

using nlohmann::json;

// One end, with answers waited for.
class End {
  public:
    End(const StateEnd& end, std::stop_token stop) : api_(end.endpoint, end.token, {}), stop_(std::move(stop)) {}

    template <class T>
    T ask(const char* method, const std::string& path, std::string body, typename JsonCall<T>::Reader reader) {
        auto answer = std::make_shared<std::promise<Outcome<T>>>();
        std::future<Outcome<T>> coming = answer->get_future();
        const auto call = api_.ask<T>(method, "/fulgurite/v1/" + path, std::move(body), std::move(reader),
                                      [answer](Outcome<T> outcome) { answer->set_value(std::move(outcome)); });
        const std::stop_callback cancel(stop_, [&call] { call->cancel(); });
        const Outcome<T> outcome = coming.get();
        if (!outcome.ok()) {
            throw outcome.error();
        }
        return outcome.value();
    }
    json askJson(const char* method, const std::string& path, const json& body) {
        return ask<json>(method, path, body.is_null() ? std::string() : body.dump(),
                         [](std::string_view text, const std::string& where) { return parseAnswer(text, where); });
    }
    // What is left behind at an end is dropped there by itself in the end; this is only sooner.
    void remove(const std::string& id) noexcept {
        try {
            askJson("DELETE", "states/" + id, nullptr);
        } catch (const std::exception&) { // the node is gone, and the state with it
        }
    }

  private:
    NodeApi api_;
    std::stop_token stop_;
};

// Gone with what holds it.
class WaitingState {
  public:
    WaitingState(End& end, std::string id) : end_(end), id_(std::move(id)) {}
    ~WaitingState() {
        if (!id_.empty()) {
            end_.remove(id_);
        }
    }
    WaitingState(const WaitingState&) = delete;
    WaitingState& operator=(const WaitingState&) = delete;
    std::string path() const { return "states/" + id_; }
    void gone() { id_.clear(); }

  private:
    End& end_;
    std::string id_;
};

// The nodes are named beside the words.
std::string withoutAddress(const std::string& message) {
    const std::size_t end = message.find(": ");
    return message.starts_with("http") && end != std::string::npos ? message.substr(end + 2) : message;
}

void carry(End& from, End& to, const GenerateRequest& request, StateMove& move) {
    const json text = json::parse(reentryBody({request})).at("sequences").at(0);
    const json taken = from.askJson("POST", "states", text);
    const JsonField fields(taken, "states");
    WaitingState here(from, fields["id"].string());
    const json tokens = fields["tokens"].value();
    move.tokens = fields["tokens"].size();
    move.total = fields["total"].count();
    move.bytes = fields["bytes"].count();
    if (move.bytes > kLargestStateMoved) {
        fail(ErrorKind::Unsupported, "its state has {} MiB, more than is carried", move.bytes >> 20);
    }
    const json begun = to.askJson("POST", "state-uploads", {{"bytes", move.bytes}, {"weights", fields["weights"].string()}});
    const JsonField upload(begun, "state-uploads");
    WaitingState there(to, upload["id"].string());
    const std::size_t piece = std::max<std::size_t>(upload["piece_bytes"].count(), 1);
    const auto file = from.ask<std::string>("GET", here.path(), {}, [](std::string_view bytes, const std::string&) {
        return std::string(bytes);
    });
    for (std::size_t at = 0; at < file.size(); at += piece) {
        const std::string_view bytes = std::string_view(file).substr(at, piece);
        to.askJson("POST", there.path() + "/piece", {{"offset", at}, {"data", toBase64(bytes)}});
    }
    const json restored = to.askJson("POST", there.path() + "/restore", {{"tokens", tokens}});
    there.gone();
    move.moved = JsonField(restored, "restore")["kept"].boolean();
    if (!move.moved) {
        fail(ErrorKind::OutOfMemory, "the other node has no room for it among its snapshots");
    }
}

} // namespace

StateMove moveState(const StateEnd& from, const StateEnd& to, const GenerateRequest& request,
                    const std::stop_token& stop) {
    StateMove move;
    const auto begin = std::chrono::steady_clock::now();
    try {
        End origin(from, stop);
        End target(to, stop);
        carry(origin, target, request, move);
    } catch (const std::exception& error) {
        move.why = withoutAddress(error.what());
    }
    move.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return move;
}

} // namespace fulgurite::client
