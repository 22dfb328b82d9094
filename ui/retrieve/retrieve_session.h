// SPDX-License-Identifier: GPL-3.0-or-later
// One search on the Retrieve page and everything that is selected in it: the rankings side by side, made anew in
// the window when heads are switched or strategies ticked, and the document, head and brush that all views share.
#pragma once

#include "core/client/retrieval_types.h"
#include "ui/retrieve/document_store.h"
#include "ui/retrieve/head_choice.h"
#include "ui/retrieve/strategies.h"

#include <QObject>

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace fulgurite {

// What one strategy makes of the query.
struct RankColumn {
    QString strategy;
    QString problem; // why there are no hits; empty: there may be
    double seconds = 0;
    std::vector<retrieval::Ranked> hits; // best first; the total is of votes, a similarity or a score
    std::unordered_map<std::int32_t, int> places;
    const retrieval::HeadLists* lists = nullptr; // what was voted with; of the reply
    std::vector<std::uint8_t> on;                // for each head of `lists`; empty: all

    int place(std::int32_t document) const; // from 0; -1: not ranked
};

// A set of documents that a person drew around.
struct Brush {
    std::vector<std::uint8_t> inside; // for each document of the collection; empty: nothing is brushed
    std::size_t count = 0;

    bool contains(std::int32_t document) const;
};

class RetrieveSession : public QObject {
    Q_OBJECT

  public:
    explicit RetrieveSession(QObject* parent = nullptr);

    HeadChoice& heads() { return heads_; }
    const HeadChoice& heads() const { return heads_; }
    DocumentStore& documents() { return documents_; }
    const DocumentStore& documents() const { return documents_; }

    const QStringList& strategies() const { return strategies_; }
    void setStrategies(const QStringList& ids); // in the order of the columns

    // `count`: n, how many documents are wanted. Null: no search, or none yet.
    void setReply(std::shared_ptr<const client::SearchReply> reply, int count);
    const client::SearchReply* reply() const { return reply_.get(); }
    int count() const { return count_; }
    const std::vector<RankColumn>& columns() const { return columns_; }
    // The column that head votes are explained with: the first that votes by heads; -1: none is shown.
    int headColumn() const;
    // The places (from 0) that a column shows: the first n, or with the brush as a filter the brushed among all.
    std::vector<int> shown(const RankColumn& column) const;
    QString passage(std::int32_t document) const;

    // The relevant documents of the query, where they are known: A, B, C...
    void setRelevant(std::vector<std::int32_t> documents);
    const std::vector<std::int32_t>& relevant() const { return relevant_; }
    int aspect(std::int32_t document) const; // -1: not relevant, or not known

    // The selected hit.
    std::int32_t document() const { return document_; } // -1: none
    int column() const { return column_; }
    void select(std::int32_t document, int column);
    bool expanded() const { return expanded_; } // it shows how it came to its place
    void setExpanded(bool expanded);
    std::int32_t hovered() const { return hovered_; }
    void setHovered(std::int32_t document);
    int head() const { return head_; } // -1: none
    void setHead(int head);
    void setBrush(Brush brush);
    const Brush& brush() const { return brush_; }
    bool filtered() const { return filtered_ && brush_.count > 0; }
    void setFiltered(bool filtered);

  signals:
    void ranked();           // columns, or what they show, are others
    void selectionChanged(); // document, column, expanded
    void hoverChanged();
    void headChanged();
    void brushChanged();
    void relevantChanged();

  private:
    void rank();
    RankColumn makeColumn(const QString& strategy) const;
    const client::StrategyResult* result(const QString& strategy) const;

    HeadChoice heads_;
    DocumentStore documents_;
    QStringList strategies_;
    std::shared_ptr<const client::SearchReply> reply_;
    int count_ = 10;
    std::vector<RankColumn> columns_;
    std::vector<std::int32_t> relevant_;
    std::int32_t document_ = -1;
    int column_ = 0;
    bool expanded_ = false;
    std::int32_t hovered_ = -1;
    int head_ = -1;
    Brush brush_;
    bool filtered_ = false;
};

} // namespace fulgurite
