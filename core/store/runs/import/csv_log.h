// SPDX-License-Identifier: Apache-2.0
// Tables of metrics. Wide: a step column and one column for each metric; long: run, metric, step, value. The
// exports of TensorBoard ("Wall time,Step,Value") and of W&B's charts ("Step","<run> - <metric>", with __MIN and
// __MAX beside it, which are left out) among them. An empty cell is no point.
#pragma once

#include "core/store/runs/import/line_parser.h"

#include <optional>
#include <vector>

namespace fulgurite {

class CsvParser final : public LineParser {
  public:
    // `value_name` is the metric's name where the table has none: TensorBoard's export has it in the file's name.
    explicit CsvParser(std::string value_name) : value_name_(std::move(value_name)) {}

  protected:
    void line(std::string_view text, bool whole, LogSink& sink) override;
    std::string ownState() const override;
    void restoreOwn(const std::string& json) override;

  private:
    void readHeader(std::string_view text, LogSink& sink);
    void longRow(const std::vector<std::string>& cells, LogSink& sink);
    void wideRow(const std::vector<std::string>& cells, LogSink& sink);
    std::optional<std::vector<std::string>> cellsOf(std::string_view text) const;
    std::string place() const;

    std::string value_name_;
    std::string header_; // as it stands in the file; empty until it was read
    std::vector<std::string> columns_;
    char separator_ = ',';
    int step_ = -1, metric_ = -1, value_ = -1, run_ = -1, time_ = -1; // columns of a long table
    bool long_ = false;
    bool runs_in_names_ = false; // "<run> - <metric>"
};

} // namespace fulgurite
