// SPDX-License-Identifier: GPL-3.0-or-later
// For tests with the real engine: a small model with random weights, a tokenizer and the published chat template,
// and an engine that serves it.
#pragma once

#include "ui/engine/local_engine.h"

#include <QDir>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>

namespace fulgurite::test {

inline const char* const kRandomConfig = R"({"architectures": ["MiniMaxM1ForCausalLM"], "model_type": "minimax_m1",
  "hidden_size": 64, "num_hidden_layers": 8, "attn_type_list": [0, 0, 0, 0, 0, 0, 0, 1], "num_attention_heads": 4,
  "num_key_value_heads": 2, "head_dim": 16, "rotary_dim": 8, "rope_theta": 10000, "intermediate_size": 96,
  "num_local_experts": 4, "num_experts_per_tok": 2, "vocab_size": 420, "max_position_embeddings": 65536,
  "eos_token_id": 418, "postnorm": true, "hidden_act": "silu", "rms_norm_eps": 1e-05, "shared_intermediate_size": 0,
  "tie_word_embeddings": false, "layernorm_full_attention_alpha": 3.5, "layernorm_full_attention_beta": 1.0,
  "layernorm_linear_attention_alpha": 3.5, "layernorm_linear_attention_beta": 1.0,
  "layernorm_mlp_alpha": 3.5, "layernorm_mlp_beta": 1.0})";

inline bool makeRandomModel(const QString& folder) {
    const QDir data(qEnvironmentVariable("FULGURITE_SOURCE_DIR") + "/tests/data");
    const QString config = folder + ".json";
    QFile file(config);
    if (!file.open(QIODevice::WriteOnly)) {
        return false;
    }
    file.write(kRandomConfig);
    file.close();
    return QProcess::execute(LocalEngine::findProgram(), {"convert", "--random", config, "--out", folder}) == 0 &&
           QFile::copy(data.filePath("tokenizer_small/tokenizer.json"), folder + "/tokenizer.json") &&
           QFile::copy(data.filePath("templates/minimax_m1.jinja"), folder + "/chat_template.jinja");
}

// A node of another machine, as far as the window can tell.
class ServedModel {
  public:
    explicit ServedModel(const QString& model, const QStringList& more = {}) : model_(model), more_(more) {
        start();
    }

    void start() {
        process_.start(LocalEngine::findProgram(),
                       QStringList{"serve", "--model", model_, "--listen", "127.0.0.1:0", "--exit-with-stdin"} +
                           more_);
        process_.waitForReadyRead(30000);
        port_ = static_cast<quint16>(QJsonDocument::fromJson(process_.readLine()).object()["port"].toInt());
    }
    void kill() {
        process_.kill();
        process_.waitForFinished();
    }
    // As systemd ends it: it may finish what it writes, within its grace.
    void terminate() {
        process_.terminate();
        process_.waitForFinished();
    }
    quint16 port() const { return port_; }
    ~ServedModel() { kill(); }

  private:
    QString model_;
    QStringList more_;
    QProcess process_;
    quint16 port_ = 0;
};

} // namespace fulgurite::test
