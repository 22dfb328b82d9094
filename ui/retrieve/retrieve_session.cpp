// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/retrieve_session.h"

#include <algorithm>

namespace fulgurite {

int RankColumn::place(std::int32_t document) const {
    const auto found = places.find(document);
    return found == places.end() ? -1 : found->second;
}

bool Brush::contains(std::int32_t document) const {
    const auto at = static_cast<std::size_t>(document);
    return document >= 0 && at < inside.size() && inside[at] != 0;
}

RetrieveSession::RetrieveSession(QObject* parent) : QObject(parent) {
    connect(&heads_, &HeadChoice::changed, this, &RetrieveSession::rank);
}

void RetrieveSession::setStrategies(const QStringList& ids) {
    if (ids != strategies_) {
        strategies_ = ids;
        rank();
    }
}

void RetrieveSession::setReply(std::shared_ptr<const client::SearchReply> reply, int count) {
    reply_ = std::move(reply);
    count_ = count;
    hovered_ = -1;
    expanded_ = false;
    document_ = -1;
    rank();
    if (const int best = std::max(0, headColumn()); !columns_.empty() && !columns_[best].hits.empty()) {
        select(columns_[best].hits.front().document, best);
    } else {
        emit selectionChanged();
    }
}

const client::StrategyResult* RetrieveSession::result(const QString& strategy) const {
    if (!reply_) {
        return nullptr;
    }
    const std::string id = strategy.toStdString();
    const auto found = std::find_if(reply_->results.begin(), reply_->results.end(),
                                    [&id](const client::StrategyResult& each) { return each.strategy == id; });
    return found == reply_->results.end() ? nullptr : &*found;
}

RankColumn RetrieveSession::makeColumn(const QString& strategy) const {
    const StrategyInfo& info = strategyInfo(strategy);
    RankColumn column;
    column.strategy = strategy;
    const client::StrategyResult* found = result(info.rule ? info.lists : info.id);
    if (found == nullptr) {
        column.problem = reply_ ? tr("Not part of this search. Search again to fill it.") : QString();
        return column;
    }
    column.seconds = found->seconds;
    if (found->kind == "unavailable") {
        column.problem = QString::fromStdString(found->reason);
    } else if (info.rule) {
        column.lists = &found->lists;
        if (info.byHeads() && heads_.size() == found->lists.heads) {
            column.on = heads_.on();
        }
        column.hits = retrieval::rankByVotes(found->lists, *info.rule, column.on);
    } else {
        const bool distances = found->kind == "distance";
        for (std::size_t i = 0; i < found->documents.size(); ++i) {
            column.hits.push_back({found->documents[i], distances ? 1 - found->values[i] : found->values[i]});
        }
    }
    column.places.reserve(column.hits.size());
    for (std::size_t i = 0; i < column.hits.size(); ++i) {
        column.places.emplace(column.hits[i].document, static_cast<int>(i));
    }
    return column;
}

void RetrieveSession::rank() {
    columns_.clear();
    for (const QString& strategy : std::as_const(strategies_)) {
        columns_.push_back(makeColumn(strategy));
    }
    column_ = std::clamp(column_, 0, std::max(0, static_cast<int>(columns_.size()) - 1));
    emit ranked();
}

int RetrieveSession::headColumn() const {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (columns_[i].lists != nullptr && strategyInfo(columns_[i].strategy).byHeads()) {
            return static_cast<int>(i);
        }
    }
    return -1;
}

std::vector<int> RetrieveSession::shown(const RankColumn& column) const {
    std::vector<int> places;
    const auto most = static_cast<std::size_t>(count_);
    for (std::size_t i = 0; i < column.hits.size() && places.size() < most; ++i) {
        if (!filtered() || brush_.contains(column.hits[i].document)) {
            places.push_back(static_cast<int>(i));
        }
    }
    return places;
}

QString RetrieveSession::passage(std::int32_t document) const {
    if (!reply_) {
        return {};
    }
    const auto found = reply_->passages.find(document);
    return found == reply_->passages.end() ? QString() : QString::fromStdString(found->second.text).simplified();
}

void RetrieveSession::setRelevant(std::vector<std::int32_t> documents) {
    relevant_ = std::move(documents);
    emit relevantChanged();
}

int RetrieveSession::aspect(std::int32_t document) const {
    const auto found = std::find(relevant_.begin(), relevant_.end(), document);
    return found == relevant_.end() ? -1 : static_cast<int>(found - relevant_.begin());
}

void RetrieveSession::select(std::int32_t document, int column) {
    if (document == document_ && column == column_) {
        return;
    }
    if (document != document_) {
        expanded_ = false;
    }
    document_ = document;
    column_ = column;
    emit selectionChanged();
}

void RetrieveSession::setExpanded(bool expanded) {
    if (expanded != expanded_) {
        expanded_ = expanded;
        emit selectionChanged();
    }
}

void RetrieveSession::setHovered(std::int32_t document) {
    if (document != hovered_) {
        hovered_ = document;
        emit hoverChanged();
    }
}

void RetrieveSession::setHead(int head) {
    if (head != head_) {
        head_ = head;
        emit headChanged();
    }
}

void RetrieveSession::setBrush(Brush brush) {
    brush_ = std::move(brush);
    if (brush_.count == 0) {
        filtered_ = false;
    }
    emit brushChanged();
}

void RetrieveSession::setFiltered(bool filtered) {
    if (filtered != filtered_) {
        filtered_ = filtered;
        emit brushChanged();
    }
}

} // namespace fulgurite
