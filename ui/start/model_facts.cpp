// SPDX-License-Identifier: GPL-3.0-or-later
// Reads config.json, the headers of the safetensors files and the model card's table of scores.
#include "ui/start/model_facts.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>
#include <QTextStream>
#include <QtEndian>
#include <QtNumeric>

#include <algorithm>

namespace fulgurite {
namespace {

// A header larger than this is no header; the engine reports such a file in full.
constexpr quint64 kMaxHeaderBytes = 16 << 20;

QJsonObject readObject(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? QJsonDocument::fromJson(file.readAll()).object() : QJsonObject();
}

qint64 countParameters(const QString& path) {
    QFile file(path);
    char length_bytes[8];
    if (!file.open(QIODevice::ReadOnly) || file.read(length_bytes, 8) != 8)
        return 0;
    const quint64 length = qFromLittleEndian<quint64>(length_bytes);
    if (length > kMaxHeaderBytes)
        return 0;
    const QJsonObject header = QJsonDocument::fromJson(file.read(static_cast<qint64>(length))).object();
    qint64 total = 0;
    for (auto it = header.begin(); it != header.end(); ++it) {
        if (it.key() == QStringLiteral("__metadata__"))
            continue;
        qint64 size = 1;
        bool counts = true; // a file may claim any shape
        for (const QJsonValue extent : it.value().toObject()["shape"].toArray())
            counts = counts && extent.toInteger() >= 0 && !qMulOverflow(size, qint64(extent.toInteger()), &size);
        if (!counts || qAddOverflow(total, size, &total))
            return 0;
    }
    return total;
}

// The published configurations list layer kinds as 0 (lightning) and 1 (softmax), transformers as names.
QList<bool> readLayers(const QJsonObject& config) {
    QList<bool> softmax;
    for (const QJsonValue kind : config["attn_type_list"].toArray())
        softmax << (kind.toInt() == 1);
    for (const QJsonValue kind : config["layer_types"].toArray())
        softmax << (kind.toString() == QStringLiteral("full_attention"));
    return softmax;
}

// "recall, 2,048-4,096 tokens": 4096.
int largestNumber(QString text) {
    static const QRegularExpression digits(QStringLiteral("[0-9]+"));
    int largest = 0;
    auto numbers = digits.globalMatch(text.remove(QLatin1Char(',')));
    while (numbers.hasNext())
        largest = std::max(largest, numbers.next().captured().toInt());
    return largest;
}

// The card's table of held-out scores: "| task | correct | n | share |", up to the first line that is no row of it.
QList<ModelScore> readScores(const QString& card) {
    QList<ModelScore> scores;
    QFile file(card);
    if (!file.open(QIODevice::ReadOnly))
        return scores;
    static const QRegularExpression head(QStringLiteral("^\\| *task *\\| *correct *\\| *n *\\|"));
    bool inside = false;
    QTextStream lines(&file);
    while (!lines.atEnd()) {
        const QString line = lines.readLine();
        if (!inside) {
            inside = line.contains(head);
            continue;
        }
        const QStringList cells = line.split(QLatin1Char('|'));
        if (cells.size() < 4)
            break;
        const ModelScore score{
            .task = cells[1].trimmed(), .correct = cells[2].trimmed().toInt(), .count = cells[3].trimmed().toInt()};
        if (score.count > 0) // not the rule under the head
            scores << score;
    }
    return scores;
}

} // namespace

ModelFacts readModelFacts(const QString& folder) {
    ModelFacts facts;
    if (folder.isEmpty())
        return facts;
    const QDir dir(folder);
    facts.name = dir.dirName();
    facts.folder = dir.absolutePath();
    const QJsonObject config = readObject(dir.filePath(QStringLiteral("config.json")));
    facts.softmax = readLayers(config);
    facts.experts = config["num_local_experts"].toInt();
    facts.experts_per_token = config["num_experts_per_tok"].toInt();
    for (const QFileInfo& file : dir.entryInfoList({QStringLiteral("*.safetensors")}, QDir::Files)) {
        facts.bytes += file.size();
        facts.parameters += countParameters(file.filePath());
    }
    const QString card = dir.filePath(QStringLiteral("MODEL_CARD.md"));
    facts.card = QFileInfo::exists(card) ? card : QString();
    facts.scores = readScores(card);
    return facts;
}

QList<ModelScore> headlineScores(const QList<ModelScore>& scores, int most) {
    QList<ModelScore> picked;
    for (const char* kind : {"addition", "sorting", "recall"}) {
        const ModelScore* best = nullptr;
        for (const ModelScore& score : scores) {
            // Among the recalls the one over most tokens says most.
            if (score.task.contains(QLatin1String(kind), Qt::CaseInsensitive) &&
                (!best || largestNumber(score.task) > largestNumber(best->task)))
                best = &score;
        }
        if (best && picked.size() < most)
            picked << *best;
    }
    for (const ModelScore& score : scores) {
        const bool known = std::any_of(picked.cbegin(), picked.cend(),
                                       [&score](const ModelScore& other) { return other.task == score.task; });
        if (!known && picked.size() < most)
            picked << score;
    }
    return picked;
}

} // namespace fulgurite
